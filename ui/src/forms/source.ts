import { useQuery } from "@tanstack/react-query";
import type { Image, TemplateVersion } from "@/api/nouns";
import { images, templates, templateVersions } from "@/api/queries";

// Source is what a VM's disk is made from.
export interface Source {
  image?: Image;
  template?: string; // or a version of it, such as web:3
  version?: TemplateVersion; // that it stands for
}

export const imageSource = (name: string): string => `image:${name}`;
export const templateSource = (name: string): string => `template:${name}`;

// useSource finds what is chosen: image:NAME or template:NAME, with the number of a version or the current one. The first image
// if nothing is.
export function useSource(chosen: string, number: string): Source {
  const allImages = useQuery(images()).data ?? [];
  const template = useQuery(templates()).data?.find((each) => templateSource(each.name) === chosen);
  const versions = useQuery(templateVersions(template?.id ?? "")).data ?? [];
  if (!template) return { image: allImages.find((each) => imageSource(each.name) === chosen) ?? allImages[0] };
  const wanted = number ? Number(number) : template.current;
  return { template: number ? `${template.name}:${number}` : template.name, version: versions.find((each) => each.number === wanted) };
}
