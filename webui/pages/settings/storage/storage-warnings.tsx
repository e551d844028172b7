import { Button } from '../../../ui/controls/button.tsx';
import { Say } from '../../../ui/feedback/message-card.tsx';
import { voice } from '../../../words/i18n.ts';
import { percent } from '../../../words/format.ts';
import { storageWords } from '../../../words/storage.ts';
import type { RecordingDisk } from '../cameras/camera-settings.ts';
import { type DiskTrouble, type Drive, diskTroubles, driveOf, type Place, placeOf } from './storage-data.ts';

/** From here on a card is worth a word. */
const WORN_PERCENT = 70;
/** Sooner than this the oldest recordings go. */
const SOON_DAYS = 7;
const MOST = 2;

interface SaysProps {
  readonly disks: readonly RecordingDisk[];
  readonly drives: readonly Drive[];
  readonly places: readonly Place[];
  readonly onMakeRoom: () => void;
}

/** What is wrong with the disks: two at most, the gravest first. */
export function DiskSays(props: SaysProps) {
  const all = [...troubles(props), ...warnings(props)];
  return <>{all.slice(0, MOST)}</>;
}

function troubles({ disks, drives, onMakeRoom }: SaysProps) {
  const say = storageWords.value;
  const isFailing = drives.some(({ health }) => health === 'failing');
  const found: readonly DiskTrouble[] = [
    ...diskTroubles(disks).filter((trouble) => trouble !== 'failing' || !isFailing),
    ...(isFailing ? (['failing'] as const) : []),
  ];
  const said: Readonly<Record<DiskTrouble, readonly [string, string]>> = {
    gone: [say.diskGone, say.diskGoneText],
    full: [say.diskFull, say.diskFullText],
    failing: [say.diskFailing, say.diskFailingText],
    readOnly: [say.diskReadOnly, say.diskReadOnlyText],
    stuck: [say.diskStuck, say.diskStuckText],
  };
  return found.map((trouble) => {
    const [title, text] = said[trouble];
    return (
      <Say key={trouble} icon="disk" tone="bad" title={title} text={text}>
        {trouble === 'full' && <Button onClick={onMakeRoom}>{say.makeRoom}</Button>}
      </Say>
    );
  });
}

function warnings({ disks, drives, places }: SaysProps) {
  const { language } = voice();
  const say = storageWords.value;
  const used = disks.map((disk) => driveOf(placeOf(disk, places)?.device ?? '', drives));
  const worn = Math.max(0, ...used.map((drive) => drive?.wornPercent ?? 0));
  const held = disks.find(({ deletionsHeld }) => deletionsHeld !== null);
  const heldWords = {
    ...{ protection: say.heldByProtection, clock: say.heldByClock, date: say.heldByDate },
  };
  const soon = disks
    .filter(({ state }) => state === 'filling')
    .map(({ fullInDays }) => fullInDays ?? Number.POSITIVE_INFINITY);
  const days = Math.max(1, Math.round(Math.min(...soon)));
  return [
    worn >= WORN_PERCENT && (
      <Say
        key="worn"
        icon="chip"
        tone="warn"
        title={say.cardWorn(percent(worn / 100, language))}
        text={say.cardWornText}
      />
    ),
    held && (
      <Say
        key="held"
        icon="clock"
        tone="warn"
        title={say.deletionsHeld}
        text={heldWords[held.deletionsHeldWhy ?? 'clock']}
      />
    ),
    days <= SOON_DAYS && <Say key="soon" icon="info" tone="calm" title={say.nearlyFull(days)} />,
  ].filter((one) => one !== false && one !== undefined);
}
