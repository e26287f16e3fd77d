import { useQuery } from "@tanstack/react-query";
import { images, templates, templateVersions } from "@/api/queries";
import { labelOf, makesVMs } from "@/api/template";
import { SelectField } from "@/ui/Field";
import { bytes } from "@/ui/format";
import { imageSource, templateSource } from "./source";
import type { Source } from "./source";

interface Props {
  source: Source;
  version: string;
  setSource: (event: { target: { value: string } }) => void;
  setVersion: (event: { target: { value: string } }) => void;
  errors: Record<string, string>;
}

// SourceFields choose what a VM's disk is made from: an image, or a template and perhaps a version of it.
export function SourceFields({ source, version, setSource, setVersion, errors }: Props) {
  const allImages = useQuery(images()).data ?? [];
  const allTemplates = useQuery(templates()).data ?? [];
  const template = source.template === undefined ? undefined : allTemplates.find((each) => each.name === source.template!.replace(/:.*/, ""));
  const versions = useQuery(templateVersions(template?.id ?? "")).data ?? [];
  const value = template ? templateSource(template.name) : source.image ? imageSource(source.image.name) : "";
  return (
    <>
      <SelectField label="Made from" value={value} onChange={setSource} error={errors.image ?? (version ? undefined : errors.template)}>
        <optgroup label="Images">
          {allImages.map((each) => (
            <option key={each.id} value={imageSource(each.name)}>
              {each.name} · {bytes(each.virtual_bytes)}
            </option>
          ))}
        </optgroup>
        {allTemplates.length > 0 && (
          <optgroup label="Templates">
            {allTemplates.map((each) => (
              <option key={each.id} value={templateSource(each.name)}>
                {each.name} · {each.current ? `now ${each.name}:${each.current}` : "none is current"}
              </option>
            ))}
          </optgroup>
        )}
      </SelectField>
      {template && (
        <SelectField label="Version" value={version} onChange={setVersion} error={version ? errors.template : undefined} hint="What it says of CPUs, memory, disk and network holds where nothing is given here.">
          <option value="">The current one{template.current ? ` · ${template.name}:${template.current}` : ", but there is none"}</option>
          {versions.filter(makesVMs).map((each) => (
            <option key={each.id} value={each.number}>
              {labelOf(each)} · {each.state}
            </option>
          ))}
        </SelectField>
      )}
    </>
  );
}
