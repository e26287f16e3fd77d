import { LinkButton } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { Page as Frame } from "@/ui/Page";

export function Page() {
  return (
    <Frame title="No such page">
      <Empty title="There is nothing at this address" action={<LinkButton to="/">Go to the overview</LinkButton>}>
        The link may be old, or what it showed has been deleted.
      </Empty>
    </Frame>
  );
}
