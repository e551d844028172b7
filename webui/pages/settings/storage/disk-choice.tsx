import { useRef } from 'preact/hooks';
import type { MountedDisk } from '../../../api-client/api-types.ts';
import { fetchJson } from '../../../api-client/request.ts';
import { noteRestart } from '../../../api-client/restart.ts';
import { type ConfigForm, PATH_DEFAULTS } from '../../../forms/config-form.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { useConfigForm } from '../../../forms/use-config-form.ts';
import { byteSize } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { storageWords } from '../../../words/settings/storage.ts';
import { retentionLength } from './retention-length.ts';

interface Defaults {
  readonly recordPath: string;
}
type DiskForm = ConfigForm<Defaults, Defaults>;

/** Usual duration of a restart of Perch. */
const RESTART_S = 15;

interface DiskChoiceProps {
  readonly mounts: readonly MountedDisk[];
  /** Bytes per day of all cameras, if known. */
  readonly bytesPerDay: number | undefined;
  readonly onClosed: () => void;
  readonly onChanged: () => void;
}

/** Another disk for recordings. Nothing is deleted or formatted. */
export function DiskChoiceSheet(props: DiskChoiceProps) {
  const mounts = useRef(props.mounts);
  mounts.current = props.mounts;
  const edited = useConfigForm<Defaults, Defaults>(PATH_DEFAULTS, {
    valuesOf: ({ recordPath }) => ({ recordPath }),
    changeOf: (changed) => changed,
    before: async ({ recordPath = '' }) => {
      const { canBeOpened, folder } = mounts.current.find((mount) => mount.recordPath === recordPath) ?? {};
      if (canBeOpened) {
        // The box waits up to 65 s for the disk.
        await fetchJson('v3/disks/places/open', { method: 'POST', body: { folder }, limitMs: 75_000 });
        noteRestart(RESTART_S);
      }
    },
  });
  return edited ? <DiskChoices {...props} edited={edited} /> : null;
}

function DiskChoices({
  mounts,
  bytesPerDay,
  onClosed,
  onChanged,
  edited,
}: DiskChoiceProps & { readonly edited: DiskForm }) {
  const t = storageWords.value;
  const { form } = edited;
  const { recordPath } = form.values.value;
  // The present `recordPath` may have another form than this page writes.
  const chosen = form.isDirty.value
    ? mounts.find((mount) => mount.recordPath === recordPath)
    : mounts.find(({ isChosen }) => isChosen);
  const folderOf = (path: string) => mounts.find((mount) => mount.recordPath === path)?.folder ?? path;
  const hasOthers = mounts.some(({ isChosen }) => !isChosen);
  return (
    <FormSheet
      title={t.otherDisk}
      form={form}
      onClosed={onClosed}
      onSaved={() => {
        onChanged();
        edited.toastSaved(storageWords.peek().recordsThere, onChanged);
      }}
      text={hasOthers ? t.otherDiskText : undefined}
      action={t.recordHere}
      isOff={!form.isDirty.value}
    >
      <fieldset class="choices">
        <legend class="visually-hidden">{t.disks}</legend>
        {mounts.map((one) => (
          <DiskOption
            key={one.folder}
            mount={one}
            bytesPerDay={bytesPerDay}
            isChosen={one === chosen}
            onChoose={() => (one.isChosen ? form.takeTheirs('recordPath') : form.set('recordPath', one.recordPath))}
          />
        ))}
      </fieldset>
      <ConflictLine form={form} name="recordPath" format={folderOf} />
      {!hasOthers && <p>{t.noOtherDisk}</p>}
    </FormSheet>
  );
}

interface ChoiceProps {
  readonly mount: MountedDisk;
  readonly bytesPerDay: number | undefined;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

function DiskOption({ mount, bytesPerDay, isChosen, onChoose }: ChoiceProps) {
  const { language } = i18n();
  const t = storageWords.value;
  const facts = [
    t.freeOf(byteSize(mount.freeBytes, language), byteSize(mount.totalBytes, language)),
    mount.removable && t.removable,
    mount.network && t.inNetwork,
    !mount.writable && (mount.canBeOpened ? t.startsAnew : t.notWritable),
    mount.isChosen && t.recordsNow,
    // Files there are kept, so only free space counts.
    !mount.isChosen && bytesPerDay && t.holdsAbout(retentionLength(mount.freeBytes / bytesPerDay, language)),
  ];
  return (
    <label class="radio-card">
      <input
        type="radio"
        name="place"
        checked={isChosen}
        disabled={!(mount.writable || mount.canBeOpened)}
        onChange={onChoose}
      />
      <span class="grow">
        <b class="folder">
          <bdi>{mount.folder}</bdi>
        </b>
        <span class="dim small">{facts.filter(Boolean).join(' · ')}</span>
      </span>
    </label>
  );
}
