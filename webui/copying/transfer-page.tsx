import type { ComponentChildren } from 'preact';
import type { TransferState } from '../api-client/api-types.ts';
import { usePolled } from '../api-client/use-polled.ts';
import { settingsLink } from '../shell/route.ts';
import { LowerPageHeader } from '../ui/controls/lower-page-header.tsx';
import { storageWords } from '../words/settings/storage.ts';
import { isOn } from './transfer-data.ts';
import { TransferProgress } from './transfer-progress.tsx';

interface TransferPageProps {
  readonly kind: TransferState['kind'];
  readonly title: string;
  readonly text: string;
  /** Shown while no transfer is running. */
  readonly children: (onStarted: () => void) => ComponentChildren;
}

/** Page of one kind of transfer: progress of the running one, or the result of the last one and the start of another. */
export function TransferPage({ kind, title, text, children }: TransferPageProps) {
  const { value, again } = usePolled<TransferState>('v3/recordings/transfer', 'fast');
  const isShown = value && value.phase !== 'idle' && (isOn(value) || value.kind === kind);
  return (
    <section class="transfer">
      <LowerPageHeader title={title} href={settingsLink('storage')} above={storageWords.value.storage} />
      <p class="dim">{text}</p>
      {isShown && <TransferProgress transfer={value} isOther={value.kind !== kind} onChanged={again} />}
      {value && !isOn(value) && children(again)}
      {!value && <div class="skeleton block" />}
    </section>
  );
}
