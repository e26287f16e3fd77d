import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useNavigate } from "react-router";
import { ask } from "@/api/actions";
import { upload } from "@/api/client";
import type { Image } from "@/api/nouns";
import { Command } from "@/ui/Copy";
import { Dialog } from "@/ui/Dialog";
import { SelectField, TextField } from "@/ui/Field";
import { bytes } from "@/ui/format";
import { Meter } from "@/ui/Meter";
import { Failure } from "@/ui/Notice";
import { useSay } from "@/ui/Toasts";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";

const formats = ".qcow2,.img,.raw,.vmdk,.vhdx,.vdi,.vhd,.ova,.gz";
const formatsHint = "qcow2, raw, vmdk, vhdx, vdi, vhd or ova, also packed with gzip; the format is recognised, and what is neither qcow2 nor raw is converted to qcow2.";
const fields = ["name", "url", "sha256"];

// nameFor makes an image's name from its file's, or from the end of its URL.
export function nameFor(file: string): string {
  const stem = file.replace(/[?#].*$/, "").replace(/^.*\//, "").replace(/\.gz$/i, "").replace(/\.(qcow2|img|raw|iso|vmdk|vhdx|vdi|vhd|ova)$/i, "").toLowerCase();
  return stem.replace(/[^a-z0-9]+/g, "-").replace(/^[^a-z]+|-+$/g, "").slice(0, 63);
}

// ImportImage brings an image in: a file that this browser sends, or a URL from which the server downloads it.
export function ImportImage({ close }: { close: () => void }) {
  const [from, setFrom] = useState<"file" | "url">("file");
  const stop = useRef<AbortController>(undefined);
  const leave = () => {
    stop.current?.abort();
    close();
  };
  return (
    <Dialog title="Import an image" close={leave}>
      <div className="space-y-3">
        <SelectField label="From" value={from} onChange={(event) => setFrom(event.target.value as "file" | "url")}>
          <option value="file">A file of this computer</option>
          <option value="url">A URL, which the server downloads</option>
        </SelectField>
        {from === "file" ? <UploadForm stop={stop} close={close} leave={leave} /> : <DownloadForm close={close} />}
      </div>
    </Dialog>
  );
}

interface UploadProps {
  stop: { current: AbortController | undefined };
  close: () => void;
  leave: () => void;
}

function UploadForm({ stop, close, leave }: UploadProps) {
  const client = useQueryClient();
  const say = useSay();
  const [file, setFile] = useState<File>();
  const [name, setName] = useState("");
  const [sha256, setSHA256] = useState("");
  const [sent, setSent] = useState(0);
  const send = useMutation({
    mutationFn: (image: File) => {
      stop.current = new AbortController();
      const sum = sha256.trim() ? `&sha256=${encodeURIComponent(sha256.trim())}` : "";
      return upload<Image>(`/images?name=${encodeURIComponent(name)}${sum}`, image, setSent, stop.current.signal);
    },
    onSuccess: (image) => {
      void client.invalidateQueries({ queryKey: ["image"] });
      say(`Image ${image.name} is ready.`);
      close();
    },
  });
  const errors = errorsOf(send.error);
  return (
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
        accept={formats}
        onChange={(event) => {
          const chosen = event.target.files?.[0];
          setFile(chosen);
          if (chosen && !name) setName(nameFor(chosen.name));
        }}
        hint={formatsHint}
      />
      <TextField label="Name" value={name} onChange={(event) => setName(event.target.value)} error={errors.name} />
      <SumField value={sha256} set={setSHA256} error={errors.sha256} />
      {send.isPending && file && (
        <Meter
          label="Uploaded"
          fraction={file.size ? sent / file.size : 0}
          text={sent >= file.size ? "Checking it, and converting it if need be…" : `${bytes(sent)} of ${bytes(file.size)}`}
        />
      )}
      <Command text={cli.importImage(file?.name ?? "FILE", name, sha256)} />
      <Failure error={unplaced(send.error, fields)} />
      <StartButtons label="Upload" close={leave} pending={send.isPending} why={file ? (name ? undefined : "Give it a name.") : "Choose a file first."} />
    </form>
  );
}

function DownloadForm({ close }: { close: () => void }) {
  const navigate = useNavigate();
  const [url, setURL] = useState("");
  const [name, setName] = useState("");
  const [named, setNamed] = useState(false); // by the user, not after the URL
  const [sha256, setSHA256] = useState("");
  const start = useStart();
  const what = ask.importImage({ name, url: url.trim(), sha256: sha256.trim() || undefined });
  const preview = usePlan(url && name ? what : undefined, start);
  const error = start.error ?? preview.error;
  const errors = errorsOf(error);
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        start.mutate(what, {
          onSuccess: (operation) => {
            close();
            void navigate(`/operations/${operation.id}`);
          },
        });
      }}
    >
      <TextField
        label="URL"
        inputMode="url"
        placeholder="https://images.example.org/debian-12.qcow2"
        value={url}
        onChange={(event) => {
          setURL(event.target.value);
          if (!named) setName(nameFor(event.target.value));
        }}
        error={errors.url}
        hint={formatsHint}
      />
      <TextField
        label="Name"
        value={name}
        onChange={(event) => {
          setName(event.target.value);
          setNamed(true);
        }}
        error={errors.name}
      />
      <SumField value={sha256} set={setSHA256} error={errors.sha256} />
      <PlanPreview preview={preview} hideError />
      <CopyAs ask={what} command={cli.importImage(url.trim() || "URL", name, sha256)} />
      <Failure error={unplaced(error, fields)} />
      <StartButtons label="Import" close={close} pending={start.isPending} why={url ? (name ? undefined : "Give it a name.") : "Give a URL first."} />
    </form>
  );
}

function SumField({ value, set, error }: { value: string; set: (value: string) => void; error?: string }) {
  return <TextField label="SHA-256 (optional)" value={value} onChange={(event) => set(event.target.value)} error={error} hint="Of the file as it is offered; one that has another is refused." />;
}
