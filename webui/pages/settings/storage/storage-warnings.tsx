import type { DiskItem, MountedDisk } from '../../../api-client/api-types.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { MessageCard } from '../../../ui/feedback/message-card.tsx';
import { percent } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { storageWords } from '../../../words/settings/storage.ts';
import { type DiskTrouble, type Drive, diskTroubles, driveOf, mountOf } from './storage-data.ts';

/** Drive wear is reported from this value on. */
const WORN_PERCENT = 70;
/** Days before the disk is full from which on it is reported. */
const SOON_DAYS = 7;

interface StorageWarningsProps {
  readonly disks: readonly DiskItem[];
  readonly drives: readonly Drive[];
  readonly mounts: readonly MountedDisk[];
  readonly onMakeRoom: () => void;
}

/** At most two troubles of disks, the most serious first. */
export function StorageWarnings(props: StorageWarningsProps) {
  const all = [...troubles(props), ...warnings(props)];
  return <>{all.slice(0, 2)}</>;
}

function troubles({ disks, drives, onMakeRoom }: StorageWarningsProps) {
  const t = storageWords.value;
  const isFailing = drives.some(({ health }) => health === 'failing');
  const found: readonly DiskTrouble[] = [
    ...diskTroubles(disks).filter((trouble) => trouble !== 'failing' || !isFailing),
    ...(isFailing ? (['failing'] as const) : []),
  ];
  const said: Readonly<Record<DiskTrouble, readonly [string, string]>> = {
    gone: [t.diskGone, t.diskGoneText],
    full: [t.diskFull, t.diskFullText],
    failing: [t.diskFailing, t.diskFailingText],
    readOnly: [t.diskReadOnly, t.diskReadOnlyText],
    stuck: [t.diskStuck, t.diskStuckText],
    slowing: [t.diskSlowing, t.diskSlowingText],
  };
  return found.map((trouble) => {
    const [title, text] = said[trouble];
    return (
      <MessageCard key={trouble} icon="disk" tone="bad" title={title} text={text}>
        {trouble === 'full' && <Button onClick={onMakeRoom}>{t.makeRoom}</Button>}
      </MessageCard>
    );
  });
}

function warnings({ disks, drives, mounts }: StorageWarningsProps) {
  const { language } = i18n();
  const t = storageWords.value;
  const used = disks.map((disk) => driveOf(mountOf(disk, mounts)?.device ?? '', drives));
  const wornOf = (drive: Drive | undefined): number => drive?.wornPercent ?? 0;
  const mostWorn = used.sort((a, b) => wornOf(b) - wornOf(a))[0];
  const held = disks.find(({ deletionsHeld }) => deletionsHeld !== null);
  const heldWords = {
    protection: t.heldByProtection,
    clock: t.heldByClock,
    date: t.heldByDate,
  };
  const soon = disks
    .filter(({ state }) => state === 'filling')
    .map(({ fullInDays }) => fullInDays ?? Number.POSITIVE_INFINITY);
  const days = Math.max(1, Math.round(Math.min(...soon)));
  return [
    wornOf(mostWorn) >= WORN_PERCENT && (
      <MessageCard
        key="worn"
        icon="chip"
        tone="warn"
        title={(mostWorn?.kind === 'SD' ? t.cardWorn : t.diskWorn)(percent(wornOf(mostWorn) / 100, language))}
        text={mostWorn?.kind === 'SD' ? t.cardWornText : t.diskWornText}
      />
    ),
    held && (
      <MessageCard
        key="held"
        icon="clock"
        tone="warn"
        title={t.deletionsHeld}
        text={heldWords[held.deletionsHeldWhy ?? 'clock']}
      />
    ),
    days <= SOON_DAYS && <MessageCard key="soon" icon="info" tone="calm" title={t.nearlyFull(days)} />,
  ].filter((one) => one !== false && one !== undefined);
}
