import { readableName } from '../cameras/camera.ts';
import { cameraTitle } from '../cameras/camera-title.ts';
import { cameras } from '../cameras/cameras.ts';
import type { Form } from '../forms/form.ts';
import { Chips } from '../ui/controls/chips.tsx';
import { SegmentedControl } from '../ui/controls/segment.tsx';
import { Icon } from '../ui/icons/icon.tsx';
import { SearchedList } from '../ui/lists/searched-list.tsx';
import { listed } from '../words/format.ts';
import { peopleWords } from '../words/settings/people.ts';
import { type AccessLevel, type CameraSelection, rightsFor, toggled } from './people.ts';

/** Value of the chip for all cameras; no path has this name. */
const ALL = '*';

interface CamerasProps {
  /** Label of the field; default: that of what a person sees. */
  readonly label?: string;
  readonly chosen: CameraSelection;
  readonly onChosen: (chosen: CameraSelection) => void;
  readonly wrong: string | undefined;
}

interface AccessProps extends CamerasProps {
  readonly sees: AccessLevel;
  readonly onSees: (sees: AccessLevel) => void;
}

/** Cameras, and whether recordings are included. */
export function AccessFields({ sees, onSees, ...cameras }: AccessProps) {
  const t = peopleWords.value;
  return (
    <>
      <CamerasField {...cameras} />
      <SegmentedControl
        label={t.personMay}
        value={sees}
        options={[
          { value: 'live', text: t.liveOnly },
          { value: 'both', text: t.liveAndRecordings },
        ]}
        onChange={onSees}
      />
    </>
  );
}

export function CamerasField({ label, chosen, onChosen, wrong }: CamerasProps) {
  const t = peopleWords.value;
  const known = cameras.value ?? [];
  // Removed cameras can be deselected.
  const gone = chosen === 'all' ? [] : chosen.filter((name) => !known.some((camera) => camera.name === name));
  const options = [
    { value: ALL, text: t.chooseAll },
    ...known.map(({ name, title }) => ({ value: name, text: title })),
    ...gone.map((name) => ({ value: name, text: readableName(name) })),
  ];
  const [all, ...named] = options;
  return (
    <SearchedList items={named} textOf={({ text }) => text}>
      {(found) => (
        <ChipsField
          label={label ?? t.personSees}
          options={all ? [all, ...found] : found}
          chosen={chosen === 'all' ? [ALL] : chosen}
          onTap={(value) => onChosen(value === ALL ? 'all' : toggled(chosen, value))}
          wrong={wrong}
        />
      )}
    </SearchedList>
  );
}

interface Rights<Right extends string> {
  readonly cameras: CameraSelection;
  readonly rights: readonly Right[];
}

interface ServerFieldsProps<Right extends string, Values extends Rights<Right>> {
  readonly form: Form<Values>;
  /** Label of the rights. */
  readonly label: string;
  readonly rights: readonly Right[];
  readonly nameOf: (right: Right) => string;
}

/** What a server may see and do. */
export function ServerFields<Right extends string, Values extends Rights<Right>>(
  props: ServerFieldsProps<Right, Values>,
) {
  const { form, label, rights, nameOf } = props;
  const { cameras, rights: chosen } = form.values.value;
  const setRights = (some: readonly Right[]) => form.set('rights', some as Values['rights']);
  return (
    <>
      <CamerasField
        chosen={cameras}
        onChosen={(value) => {
          form.set('cameras', value as Values['cameras']);
          setRights(rightsFor(chosen, cameras, value));
        }}
        wrong={form.wrong.value.cameras}
      />
      <ChipsField
        label={label}
        options={rights.map((value) => ({ value, text: nameOf(value) }))}
        chosen={chosen}
        onTap={(right) => setRights(toggled(chosen, right))}
        wrong={form.wrong.value.rights}
      />
    </>
  );
}

interface ChipsFieldProps<T extends string> {
  readonly label: string;
  readonly options: readonly { readonly value: T; readonly text: string }[];
  readonly chosen: readonly T[];
  readonly onTap: (value: T) => void;
  readonly wrong: string | undefined;
}

/** A group of checkboxes with label and message. */
export function ChipsField<T extends string>({ wrong, ...chips }: ChipsFieldProps<T>) {
  return (
    <div class="field">
      <span class="label" aria-hidden="true">
        {chips.label}
      </span>
      <Chips {...chips} />
      {wrong && (
        <p class="hint bad" role="alert">
          <Icon name="alert" small />
          <span>{wrong}</span>
        </p>
      )}
    </div>
  );
}

export const oneAtLeast = (chosen: CameraSelection): string | undefined =>
  chosen.length === 0 ? peopleWords.peek().oneCamera : undefined;

/** `Front door, Garden`, by their present titles. */
export function cameraSelectionText(seen: CameraSelection, language: string): string {
  const t = peopleWords.value;
  if (seen === 'all') {
    return t.chooseAll;
  }
  const titles = seen.map(cameraTitle);
  return titles.length === 0 ? t.noCamera : listed(titles, language);
}
