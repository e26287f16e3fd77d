import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { createToken, deleteToken, tokens } from "@/api/tokens";
import type { NewToken, Token } from "@/api/tokens";
import { Confirm } from "@/forms/Confirm";
import { errorsOf, unplaced } from "@/forms/start";
import { StartButtons } from "@/forms/StartButtons";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { Button } from "@/ui/Button";
import { Command, ID } from "@/ui/Copy";
import { Buttons, Dialog } from "@/ui/Dialog";
import { Empty } from "@/ui/Empty";
import { SelectField, TextField } from "@/ui/Field";
import { Failure, Notice } from "@/ui/Notice";
import { Loading, Page as Frame } from "@/ui/Page";
import { When } from "@/ui/When";

const columns = (remove: (token: Token) => void): Column<Token>[] => [
  { id: "name", title: "Token", width: 150, grow: 2, priority: 0, sort: (token) => token.name, cell: (token) => <span className="font-medium">{token.name}</span> },
  { id: "kind", title: "Made by", width: 110, priority: 3, cell: (token) => (token.session ? "a login" : "hand") },
  { id: "used", title: "Last used", width: 110, priority: 2, cell: (token) => <When at={token.last_used_at} never="never" /> },
  { id: "expires", title: "Expires", width: 110, priority: 1, cell: (token) => <When at={token.expires_at} never="never" /> },
  { id: "id", title: "ID", width: 130, priority: 5, cell: (token) => <ID id={token.id} /> },
  { id: "created", title: "Made", width: 100, right: true, priority: 4, sort: (token) => token.created_at, cell: (token) => <When at={token.created_at} /> },
  {
    id: "actions",
    title: "",
    width: 48,
    right: true,
    priority: 0,
    cell: (token) => (
      <span className="-my-1 inline-flex align-middle">
        <Button kind="ghost" square aria-label={`Revoke ${token.name}`} onClick={() => remove(token)}>
          <Trash2 className="size-3.5" />
        </Button>
      </span>
    ),
  },
];

export function Page() {
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(tokens());
  const [making, setMaking] = useState(false);
  const [removing, setRemoving] = useState<Token>();
  return (
    <Frame
      title="Access"
      full
      actions={
        <Button kind="primary" onClick={() => setMaking(true)}>
          <Plus className="size-4" aria-hidden /> Make a token
        </Button>
      }
    >
      {error ? (
        <div className="px-4 pb-2">
          <Failure error={error} retry={() => void refetch()} />
        </div>
      ) : null}
      {data ? (
        <Table
          name="Tokens"
          rows={data}
          columns={columns(setRemoving)}
          id={(token) => token.id}
          empty={<Empty title="There are no tokens yet">A token lets the CLI or a program act for you, without your password.</Empty>}
        />
      ) : (
        !error && <Loading what="tokens" />
      )}
      {making && <MakeToken close={() => setMaking(false)} />}
      {removing && (
        <Confirm
          title={`Revoke ${removing.name}`}
          label="Revoke"
          danger
          close={() => setRemoving(undefined)}
          act={async () => {
            await deleteToken(removing.id);
            await client.invalidateQueries({ queryKey: ["token"] });
          }}
        >
          Whoever uses this token is refused from now on. If it is the login of this browser, you are signed out.
        </Confirm>
      )}
    </Frame>
  );
}

const day = 86_400;
const lives = [1, 7, 30, 90, 365];

function MakeToken({ close }: { close: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [days, setDays] = useState(90);
  const make = useMutation({
    mutationFn: () => createToken({ name, expires_in_seconds: days * day }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["token"] }),
  });
  if (make.data) return <Shown token={make.data} close={close} />;
  const errors = errorsOf(make.error);
  return (
    <Dialog title="Make a token" close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <TextField label="What it is for" autoFocus placeholder="pipeline" value={name} onChange={(event) => setName(event.target.value)} error={errors.name} />
        <SelectField label="Good for" value={days} onChange={(event) => setDays(Number(event.target.value))} error={errors.expires_in_seconds}>
          {lives.map((value) => (
            <option key={value} value={value}>
              {value === 1 ? "1 day" : `${value} days`}
            </option>
          ))}
        </SelectField>
        <Failure error={unplaced(make.error, ["name", "expires_in_seconds"])} />
        <StartButtons label="Make it" close={close} pending={make.isPending} why={name ? undefined : "Say what it is for."} />
      </form>
    </Dialog>
  );
}

function Shown({ token, close }: { token: NewToken; close: () => void }) {
  return (
    <Dialog title={token.name} close={close}>
      <div className="space-y-3">
        <Notice tone="attention">Copy the token now: it is shown only here.</Notice>
        <Command text={token.token} label="Copy the token" />
        <Command text={`export NOVACRON_URL=${window.location.origin} NOVACRON_TOKEN=${token.token}`} />
      </div>
      <Buttons>
        <Button onClick={close}>Close</Button>
      </Buttons>
    </Dialog>
  );
}
