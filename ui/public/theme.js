// Runs before the first paint, so that a dark screen never flashes white. A file of its own, because the server's
// content security policy allows no inline scripts.
(function () {
  var choice = null;
  try {
    choice = localStorage.getItem("novacron.theme");
  } catch {
    choice = null;
  }
  var dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
