import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { upload } from "@/api/client";
import type { Image } from "@/api/nouns";
import { Command } from "@/ui/Copy";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { bytes } from "@/ui/format";
import { Meter } from "@/ui/Meter";
import { Failure } from "@/ui/Notice";
import { useSay } from "@/ui/Toasts";
import { errorsOf, unplaced } from "./start";
import { StartButtons } from "./StartButtons";

// nameFor makes an image's name from its file's.
export function nameFor(file: string): string {
  const stem = file.replace(/\.(qcow2|img|raw|iso)$/i, "").toLowerCase();
  return stem.replace(/[^a-z0-9]+/g, "-").replace(/^[^a-z]+|-+$/g, "").slice(0, 63);
}

export function UploadImage({ close }: { close: () => void }) {
  const client = useQueryClient();
  const say = useSay();
  const [file, setFile] = useState<File>();
  const [name, setName] = useState("");
  const [sent, setSent] = useState(0);
  const stop = useRef<AbortController>(undefined);
  const send = useMutation({
    mutationFn: (image: File) => {
      stop.current = new AbortController();
      return upload<Image>(`/images?name=${encodeURIComponent(name)}`, image, setSent, stop.current.signal);
    },
    onSuccess: (image) => {
      void client.invalidateQueries({ queryKey: ["image"] });
      say(`Image ${image.name} is ready.`);
      close();
    },
  });
  const errors = errorsOf(send.error);
  const leave = () => {
    stop.current?.abort();
    close();
  };
  return (
    <Dialog title="Upload an image" close={leave}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          setSent(0);
          if (file) send.mutate(file);
        }}
      >
        <TextField
          label="File"
          type="file"
          accept=".qcow2,.img,.raw"
          onChange={(event) => {
            const chosen = event.target.files?.[0];
            setFile(chosen);
            if (chosen && !name) setName(nameFor(chosen.name));
          }}
          hint="qcow2 or raw; the format is recognised."
        />
        <TextField label="Name" value={name} onChange={(event) => setName(event.target.value)} error={errors.name} />
        {send.isPending && file && (
          <Meter
            label="Uploaded"
            fraction={file.size ? sent / file.size : 0}
            text={sent >= file.size ? "Checking it…" : `${bytes(sent)} of ${bytes(file.size)}`}
          />
        )}
        <Command text={`novacron image import ${file?.name ?? "FILE"} --name ${name || "NAME"}`} />
        <Failure error={unplaced(send.error, ["name"])} />
        <StartButtons
          label="Upload"
          close={leave}
          pending={send.isPending}
          why={file ? (name ? undefined : "Give it a name.") : "Choose a file first."}
        />
      </form>
    </Dialog>
  );
}
