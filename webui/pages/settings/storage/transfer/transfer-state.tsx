import { useState } from 'preact/hooks';
import { actionErrorText, serverText } from '../../../../api-client/error-text.ts';
import { fetchJson } from '../../../../api-client/request.ts';
import { Button } from '../../../../ui/controls/button.tsx';
import { byteSize, longDuration } from '../../../../words/format.ts';
import { i18n } from '../../../../words/i18n.ts';
import { transferWords } from '../../../../words/settings/transfer.ts';
import { isOn, shareOf, type Transfer } from './transfer-data.ts';

type Step = 'pause' | 'resume' | 'cancel';

interface TransferStateProps {
  readonly transfer: Transfer;
  readonly onChanged: () => void;
}

/** Progress of a transfer, why it waits, what stays, and what can be done. */
export function TransferState({ transfer, onChanged }: TransferStateProps) {
  const { language } = i18n();
  const t = transferWords.value;
  const { phase, files, bytes, bytesPerSecond, remainingSeconds, leftOut } = transfer;
  const share = shareOf(transfer);
  const size = (count: number) => byteSize(count, language);
  const isPrepared = files.total > 0;
  const facts = [
    isPrepared ? t.doneOf(size(bytes.done), size(bytes.total), files.done, files.total) : t.preparing,
    phase === 'running' && bytesPerSecond !== null && t.perSecond(size(bytesPerSecond)),
    phase === 'running' && remainingSeconds !== null && t.remaining(longDuration(remainingSeconds * 1000, language)),
  ];
  return (
    <section class="card padded transfer-state">
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
      <Trouble transfer={transfer} />
      {leftOut.count > 0 && <LeftOutFiles transfer={transfer} />}
      <Steps transfer={transfer} onChanged={onChanged} />
    </section>
  );
}

function titleOf({ kind, phase }: Transfer): string {
  const { isRunning, isWaiting, isPaused, isDone, hasFailed, isCanceled, ...t } = transferWords.value;
  const isImport = kind === 'import';
  return {
    ...{ idle: '', running: isImport ? t.isImporting : isRunning, waiting: isWaiting, paused: isPaused },
    ...{ done: isImport ? t.isImported : isDone, failed: hasFailed, canceled: isCanceled },
  }[phase];
}

function Trouble({ transfer: { phase, why, error } }: Pick<TransferStateProps, 'transfer'>) {
  const t = transferWords.value;
  if (error === null || (phase !== 'waiting' && phase !== 'failed')) {
    return null;
  }
  const known = { full: t.whyFull, away: t.whyAway, readOnly: t.whyReadOnly }[why ?? ''];
  return <p class="bad small">{known ?? serverText(t.whyOther, error)}</p>;
}

function LeftOutFiles({ transfer: { leftOut } }: Pick<TransferStateProps, 'transfer'>) {
  const t = transferWords.value;
  const texts: Readonly<Record<string, string>> = {
    damaged: t.leftDamaged,
    unfinished: t.leftUnfinished,
    taken: t.leftTaken,
    busy: t.leftBusy,
  };
  return (
    <details>
      <summary>{t.leftOut(leftOut.count)}</summary>
      <ul class="small left-out">
        {leftOut.items.map(({ file, why, reason }) => (
          <li key={file}>
            <bdi class="folder">{file}</bdi> <span class="dim">{texts[why] ?? reason}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Steps({ transfer, onChanged }: TransferStateProps) {
  const t = transferWords.value;
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
  const next = transfer.phase === 'paused' ? 'resume' : 'pause';
  return (
    <>
      <div class="actions">
        <Button busy={busy === next && t[next]} onClick={() => void take(next)}>
          {t[next]}
        </Button>
        <Button
          kind="text"
          busy={busy === 'cancel' && t.cancel}
          onClick={() => (isAsked ? void take('cancel') : setAsked(true))}
        >
          {isAsked ? t.cancelSure : t.cancel}
        </Button>
      </div>
      <p class={failure === undefined ? 'dim small' : 'bad small'} role="status">
        {failure === undefined ? isAsked && t.cancelText : actionErrorText(failure)}
      </p>
    </>
  );
}
