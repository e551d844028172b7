import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ImportForecast, TransferItems } from '../api-client/api-types.ts';
import type { Camera } from '../cameras/camera.ts';
import { Select } from '../ui/controls/choice.tsx';
import { TextField } from '../ui/controls/field.tsx';
import { byteSize, longDuration } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { copyingWords } from '../words/settings/copying.ts';
import { type Group, itemsOf, type Target } from './import-data.ts';
import { TransferStart } from './transfer-start.tsx';

const NEW = ' new';
const NOWHERE = ' nowhere';

interface ImportGroupsProps {
  readonly found: ImportForecast;
  /** Cameras that can get recordings. */
  readonly cameras: readonly Camera[];
  readonly firstTarget: (group: Group) => Target;
  /** Undefined if something is wrong. */
  readonly requestOf: (items: TransferItems) => object | undefined;
  /** Fields above the start. */
  readonly limits?: ComponentChildren;
  readonly onStarted: () => void;
}

/** The groups of a folder or a box, a camera for each, and the start. */
export function ImportGroups({ found, cameras, firstTarget, requestOf, limits, onStarted }: ImportGroupsProps) {
  const { language } = i18n();
  const t = copyingWords.value;
  const [chosen, setChosen] = useState<ReadonlyMap<string, Target>>(new Map());
  const targets = new Map(found.groups.map((group) => [group.group, chosen.get(group.group) ?? firstTarget(group)]));
  const items = itemsOf(found.groups, targets);
  const request = items && requestOf(items);
  const size = (bytes: number) => byteSize(bytes, language);
  const zone = longDuration(Math.abs(found.zoneMs ?? 0), language);
  return (
    <>
      {Math.abs(found.zoneMs ?? 0) >= 1_000 && (
        <p class="dim small">{(found.zoneMs ?? 0) > 0 ? t.timesAhead(zone) : t.timesBehind(zone)}</p>
      )}
      <h3>{t.whichCamera}</h3>
      {found.groups.map((group) => (
        <GroupCard
          key={group.group}
          group={group}
          cameras={cameras}
          target={targets.get(group.group) as Target}
          onChange={(target) => setChosen(new Map([...chosen, [group.group, target]]))}
        />
      ))}
      {found.isCut && <p class="warn small">{found.zoneMs === undefined ? t.moreGroups : t.moreChannels}</p>}
      {limits}
      {request && (
        <TransferStart
          key={JSON.stringify(request, (name, value) => (name === 'maxBytesPerSecond' ? undefined : value))}
          request={request}
          action={t.startImport}
          onStarted={onStarted}
        >
          {({ files, bytes, freeBytes, missingBytes, old, seconds, remainingSeconds }) => (
            <>
              <p>
                {files === 0
                  ? seconds !== undefined && old === 0
                    ? t.allImported
                    : t.nothingToImport
                  : seconds === undefined
                    ? t.toCopy(size(bytes), files, size(freeBytes))
                    : t.toReplay(longDuration(seconds * 1000, language), size(bytes), size(freeBytes))}
              </p>
              {files > 0 && remainingSeconds !== undefined && (
                <p class="dim small">{t.takesAbout(longDuration(remainingSeconds * 1000, language))}</p>
              )}
              {missingBytes > 0 && <p class="warn small">{t.importDoesNotFit(size(missingBytes))}</p>}
              {old > 0 && <p class="warn small">{seconds === undefined ? t.tooOld(old) : t.partTooOld}</p>}
            </>
          )}
        </TransferStart>
      )}
    </>
  );
}

interface GroupCardProps {
  readonly group: Group;
  readonly cameras: readonly Camera[];
  readonly target: Target;
  readonly onChange: (target: Target) => void;
}

function GroupCard({ group, cameras: all, target, onChange }: GroupCardProps) {
  const { language } = i18n();
  const t = copyingWords.value;
  const { name, program, files, bytes, days } = group;
  const title = name === '' ? t.inFolderItself : name;
  const amount = days === undefined ? t.recordings(files) : t.recordedDays(days);
  const value = { camera: target.to === 'camera' ? target.path : '', new: NEW, nowhere: NOWHERE }[target.to];
  const options = [
    ...all.map((camera) => ({ value: camera.name, text: camera.title })),
    { value: NEW, text: t.newCamera },
    { value: NOWHERE, text: t.nowhere },
  ];
  const [newName, setNewName] = useState(target.to === 'new' ? target.name : title);
  const choose = (to: string) =>
    onChange(
      to === NEW ? { to: 'new', name: newName } : to === NOWHERE ? { to: 'nowhere' } : { to: 'camera', path: to },
    );
  return (
    <section class="card padded import-group" aria-label={title}>
      <div>
        <b class="folder">
          <bdi>{title}</bdi>
        </b>
        <p class="dim small digits">
          {[PROGRAMS[program], amount, bytes > 0 && byteSize(bytes, language)].filter(Boolean).join(' · ')}
        </p>
        <p class="dim small digits">{spanOf(group, language)}</p>
      </div>
      <Select class="chip" label={t.cameraFor(title)} value={value} options={options} onChange={choose} />
      {target.to === 'new' && (
        <TextField
          label={t.newName}
          name="camera-name"
          autocomplete="off"
          value={target.name}
          hint={t.newNameHint}
          wrong={target.name.trim() === '' ? t.newNameMissing : undefined}
          onInput={(text) => {
            setNewName(text);
            onChange({ to: 'new', name: text });
          }}
        />
      )}
    </section>
  );
}

const PROGRAMS: Readonly<Record<Group['program'], string | undefined>> = {
  frigate: 'Frigate',
  mediamtx: 'MediaMTX',
  perch: 'Perch',
  mp4: 'MP4',
  mpegts: 'MPEG-TS',
  onvif: undefined,
  unknown: undefined,
};

/** `17 May – 3 June 2026` */
function spanOf({ first, last }: Group, language: string): string {
  const dates = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'long', year: 'numeric' });
  return first === null || last === null ? '' : dates.formatRange(Date.parse(first), Date.parse(last));
}
