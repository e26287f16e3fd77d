// A server of the RFB protocol (RFC 6143) that shows a picture of a text console, so that the real client has something
// to talk to: version, no security, raw rectangles.

const width = 640;
const height = 400;

type Send = (data: Uint8Array<ArrayBuffer>) => void;

const text = (value: string): Uint8Array<ArrayBuffer> => Uint8Array.from(value, (letter) => letter.charCodeAt(0));

function serverInit(): Uint8Array<ArrayBuffer> {
  const name = text("novacron mock");
  const message = new Uint8Array(24 + name.length);
  const view = new DataView(message.buffer);
  view.setUint16(0, width);
  view.setUint16(2, height);
  message.set([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0], 4);
  view.setUint32(20, name.length);
  message.set(name, 24);
  return message;
}

const lines = ["Debian GNU/Linux 12 web-1 tty1", "", "web-1 login: root", "Linux web-1 6.1.0-28-cloud-amd64 x86_64", "", "root@web-1:~# uptime", " 21:14:03 up 3 days,  load average: 0.08, 0.03, 0.01", "root@web-1:~# _"];

function picture(): Uint8ClampedArray {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d")!;
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#c8c8c8";
  context.font = "14px monospace";
  lines.forEach((line, index) => context.fillText(line, 8, 22 + index * 18));
  return context.getImageData(0, 0, width, height).data;
}

function frame(): Uint8Array<ArrayBuffer> {
  const pixels = picture();
  const message = new Uint8Array(16 + pixels.length);
  const view = new DataView(message.buffer);
  view.setUint16(2, 1);
  view.setUint16(8, width);
  view.setUint16(10, height);
  for (let at = 0; at < pixels.length; at += 4) {
    message[16 + at] = pixels[at + 2]!;
    message[17 + at] = pixels[at + 1]!;
    message[18 + at] = pixels[at]!;
  }
  return message;
}

export function serveConsole(send: Send, listen: (receive: (data: unknown) => void) => void): void {
  let stage: "version" | "security" | "init" | "live" = "version";
  let drawn = false;
  listen((data) => {
    void toBytes(data).then((bytes) => {
      if (stage === "version") {
        stage = "security";
        send(Uint8Array.of(1, 1));
      } else if (stage === "security") {
        stage = "init";
        send(Uint8Array.of(0, 0, 0, 0));
      } else if (stage === "init") {
        stage = "live";
        send(serverInit());
      } else if (!drawn && bytes.includes(3)) {
        drawn = true;
        send(frame());
      }
    });
  });
  send(text("RFB 003.008\n"));
}

async function toBytes(data: unknown): Promise<Uint8Array> {
  if (data instanceof Blob) return new Uint8Array(await data.arrayBuffer());
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return data as Uint8Array;
}
