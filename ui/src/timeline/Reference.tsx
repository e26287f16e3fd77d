import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { hosts, images } from "@/api/queries";
import { ID } from "@/ui/Copy";

// Reference shows what an ID stands for by its name, where the name is at hand.
export function Reference({ id }: { id: string }) {
  const host = useQuery({ ...hosts(), enabled: id.startsWith("hst_") }).data?.find((each) => each.id === id);
  const image = useQuery({ ...images(), enabled: id.startsWith("img_") }).data?.find((each) => each.id === id);
  if (host) {
    return (
      <Link to={`/hosts/${host.name}`} className="text-accent hover:underline">
        {host.name}
      </Link>
    );
  }
  return image ? <>{image.name}</> : <ID id={id} />;
}
