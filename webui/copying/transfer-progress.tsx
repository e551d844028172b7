import { useState } from 'preact/hooks';
import type { TransferState } from '../api-client/api-types.ts';
import { actionErrorText, serverText } from '../api-client/error-text.ts';
import { fetchJson } from '../api-client/request.ts';
import { cameraTitle } from '../cameras/camera-title.ts';
import { recordingsLink } from '../shell/route.ts';
import { Button } from '../ui/controls/button.tsx';
import { byteSize, fineDuration, longDuration } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { copyingWords } from '../words/settings/copying.ts';
import { LeftOutFiles } from './left-out-files.tsx';
import { isOn, shareOf } from './transfer-data.ts';

type Step = 'pause' | 'resume' | 'cancel';

interface TransferProgressProps {
  readonly transfer: TransferState;
  /** Whether the page is for another kind of transfer. */
  readonly isOther?: boolean;
  readonly onChanged: () => void;
}

/** Progress of a transfer, why it waits, what stays, and what can be done. */
export function TransferProgress({ transfer, isOther = false, onChanged }: TransferProgressProps) {
  const { language } = i18n();
  const t = copyingWords.value;
  const { phase, files, bytes, bytesPerSecond, remainingSeconds, leftOut } = transfer;
  const share = shareOf(transfer);
  const size = (count: number) => byteSize(count, language);
  const isPrepared = files.total > 0;
  const isMove = transfer.kind === 'move';
  const isReplay = transfer.kind === 'recorder';
  const isImported = !isMove && phase === 'done';
  // Files that an import leaves out are done, too.
  const left = transfer.kind === 'import' ? leftOut.count : 0;
  const taken = Math.max(0, files.done - transfer.present - left);
  const done = isReplay
    ? t.sizeDone(size(bytes.done), size(bytes.total))
    : t.doneOf(size(bytes.done), size(bytes.total), files.done, files.total);
  const facts = [
    isImported && (isReplay ? replayed(transfer, language) : t.imported(taken)),
    !isImported && (isPrepared ? done : t.preparing),
    phase === 'running' && bytesPerSecond !== null && t.perSecond(size(bytesPerSecond)),
    phase === 'running' && remainingSeconds !== null && t.remaining(longDuration(remainingSeconds * 1000, language)),
    transfer.present > 0 && t.presentAlready(transfer.present),
  ];
  const leftTitles = { move: t.leftOut, recorder: t.partsNotImported };
  const leftTitle = (leftTitles[transfer.kind as 'move'] ?? t.notImported)(leftOut.count);
  return (
    <section class="card padded transfer-state">
      {isOther && (
        <p class="dim small">
          {
            { move: t.move, import: t.import, fetch: t.importFromBox, recorder: t.importFromRecorder }[
              transfer.kind ?? 'move'
            ]
          }
        </p>
      )}
      <p role="status">
        <b>{titleOf(transfer)}</b>
      </p>
      {isOn(transfer) && (
        <meter
          class="filled"
          min={0}
          max={1}
          value={share}
          style={{ '--share': `${share * 100}%` }}
          aria-label={t.progress}
        />
      )}
      {phase !== 'failed' && <p class="dim small digits">{facts.filter(Boolean).join(' · ')}</p>}
      {isOn(transfer) && transfer.channels && <Channels channels={transfer.channels} />}
      <Trouble transfer={transfer} />
      {transfer.kind === 'fetch' && phase === 'done' && (
        <p>{leftOut.count > 0 ? t.boxMayBeEmptiedButFor : t.boxMayBeEmptied}</p>
      )}
      {leftOut.count > 0 && <LeftOutFiles leftOut={leftOut} title={leftTitle} />}
      {phase === 'done' && <Filled paths={transfer.paths} />}
      <Steps transfer={transfer} onChanged={onChanged} />
    </section>
  );
}

/** `4 hours · 7.4 GB` */
function replayed({ channels, bytes }: TransferState, language: string): string {
  const seconds = channels?.reduce((sum, { doneSeconds }) => sum + doneSeconds, 0) ?? 0;
  const size = byteSize(bytes.done, language);
  return seconds > 0 ? `${fineDuration(seconds * 1000, language)} · ${size}` : size;
}

function titleOf({ kind, phase, from }: TransferState): string {
  const t = copyingWords.value;
  const kinds: Readonly<Record<string, { readonly running: string; readonly done: string }>> = {
    import: { running: t.isImporting, done: t.isImported },
    fetch: { running: t.isFetching(from ?? ''), done: t.isImported },
    recorder: { running: t.isReplaying(from ?? ''), done: t.isImported },
  };
  const ofKind = kinds[kind ?? ''] ?? { running: t.isRunning, done: t.isDone };
  return {
    idle: '',
    waiting: t.isWaiting,
    paused: t.isPaused,
    failed: t.hasFailed,
    canceled: t.isCanceled,
    ...ofKind,
  }[phase];
}

/** Progress of each channel of a recorder. */
function Channels({ channels }: { readonly channels: NonNullable<TransferState['channels']> }) {
  const { language } = i18n();
  const text = (seconds: number) => fineDuration(seconds * 1000, language);
  return (
    <ul class="small channels-done">
      {channels.map(({ path, name, doneSeconds, totalSeconds }) => (
        <li key={path}>
          <bdi>{name}</bdi>{' '}
          <span class="dim digits">{copyingWords.value.channelDone(text(doneSeconds), text(totalSeconds))}</span>
          <meter
            class="filled"
            min={0}
            max={1}
            value={totalSeconds > 0 ? doneSeconds / totalSeconds : 1}
            style={{ '--share': `${totalSeconds > 0 ? (100 * doneSeconds) / totalSeconds : 100}%` }}
            aria-label={name}
          />
        </li>
      ))}
    </ul>
  );
}

/** Where to watch what was imported. */
function Filled({ paths }: Pick<TransferState, 'paths'>) {
  const t = copyingWords.value;
  return (
    <div class="transfer-steps">
      {paths.map((path) => (
        <a key={path} class="button" href={recordingsLink(path)}>
          {t.watch(cameraTitle(path))}
        </a>
      ))}
    </div>
  );
}

function Trouble({ transfer: { phase, why, error } }: Pick<TransferProgressProps, 'transfer'>) {
  const t = copyingWords.value;
  if (error === null || (phase !== 'waiting' && phase !== 'failed')) {
    return null;
  }
  const ofBox = { boxAway: t.whyBoxAway, boxRefuses: t.whyBoxRefuses, boxUnknown: t.whyBoxUnknown };
  const known = { full: t.whyFull, away: t.whyAway, readOnly: t.whyReadOnly, ...ofBox }[why ?? ''];
  return <p class="bad small">{known ?? serverText(t.whyOther, error)}</p>;
}

function Steps({ transfer, onChanged }: TransferProgressProps) {
  const t = copyingWords.value;
  const [busy, setBusy] = useState<Step>();
  const [failure, setFailure] = useState<unknown>();
  const [isAsked, setAsked] = useState(false);
  if (!isOn(transfer)) {
    return null;
  }
  const take = async (step: Step) => {
    setBusy(step);
    setFailure(undefined);
    try {
      await fetchJson(`v3/recordings/transfer/${step}`, { method: 'POST', body: {}, limitMs: 60_000 });
    } catch (error) {
      setFailure(error);
    }
    setBusy(undefined);
    setAsked(false);
    onChanged();
  };
  const isMove = transfer.kind === 'move';
  const next = transfer.phase === 'paused' ? 'resume' : 'pause';
  const nextText = next === 'resume' ? t.resume : t.pause;
  return (
    <>
      <div class="transfer-steps">
        <Button busy={busy === next && nextText} onClick={() => void take(next)}>
          {nextText}
        </Button>
        <Button
          kind="text"
          busy={busy === 'cancel' && t.cancel}
          onClick={() => (isAsked ? void take('cancel') : setAsked(true))}
        >
          {isAsked ? (isMove ? t.cancelSure : t.cancelImport) : t.cancel}
        </Button>
      </div>
      <p class={failure === undefined ? 'dim small' : 'bad small'} role="status">
        {failure === undefined
          ? isAsked &&
            {
              move: t.cancelText,
              import: t.cancelImportText,
              fetch: t.cancelFetchText,
              recorder: t.cancelRecorderText,
            }[transfer.kind ?? 'move']
          : actionErrorText(failure)}
      </p>
    </>
  );
}
