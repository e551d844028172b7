import type { TransferState } from '../api-client/api-types.ts';
import { copyingWords } from '../words/settings/copying.ts';

interface LeftOutFilesProps {
  readonly leftOut: TransferState['leftOut'];
  readonly title: string;
}

/** Files by name, with the reason. */
export function LeftOutFiles({ leftOut: { count, items }, title }: LeftOutFilesProps) {
  const t = copyingWords.value;
  const texts: Readonly<Record<string, string>> = {
    noTime: t.leftNoTime,
    otherCamera: t.leftOtherCamera,
    future: t.leftFuture,
    old: t.leftOld,
    busy: t.leftBusy,
    unreadable: t.leftUnreadable,
    damaged: t.leftDamaged,
    foreign: t.leftForeign,
    unfinished: t.leftUnfinished,
    overlap: t.leftOverlap,
    tooLarge: t.leftTooLarge,
    clockSet: t.leftClockSet,
    taken: t.leftTaken,
  };
  return (
    <details>
      <summary>{title}</summary>
      <ul class="small left-out">
        {items.map(({ file, why, reason }) => (
          <li key={file}>
            <bdi class="folder">{file}</bdi> <span class="dim">{texts[why] ?? reason}</span>
          </li>
        ))}
      </ul>
      {count > items.length && <p class="dim small">{t.moreFiles(count - items.length)}</p>}
    </details>
  );
}
