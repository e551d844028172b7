import { Button } from '../../parts/button.tsx';
import { diffOf } from '../../system/diff.ts';
import { systemWords } from '../../words/system.ts';
import { words } from '../../words/words.ts';

interface FileChangesProps {
  readonly before: string;
  readonly after: string;
  readonly isBusy: boolean;
  readonly onSave: () => void;
  readonly onBack: () => void;
}

const SIGNS = { same: ' ', theirs: '−', mine: '+' } as const;

/** What saving would change, line by line. */
export function FileChanges({ before, after, isBusy, onSave, onBack }: FileChangesProps) {
  const say = systemWords.value;
  const lines = diffOf(before, after);
  return (
    <>
      <h3>{say.fileChanges}</h3>
      {lines.length === 0 && <p class="dim">{say.fileSame}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by the keyboard */}
      <section class="diff" aria-label={say.fileChanges} tabIndex={0}>
        {lines.map(({ kind, text, line }) => (
          <div key={`${kind}${line}`} class={kind}>
            <span class="digits dim">{line}</span>
            <span>{SIGNS[kind]}</span>
            {kind === 'theirs' ? <del>{text}</del> : kind === 'mine' ? <ins>{text}</ins> : <span>{text}</span>}
          </div>
        ))}
      </section>
      <div class="tools">
        <Button kind="main" busy={isBusy && words.value.saving} isOff={lines.length === 0} onClick={onSave}>
          {words.value.save}
        </Button>
        <Button onClick={onBack}>{say.fileGoOn}</Button>
      </div>
    </>
  );
}
