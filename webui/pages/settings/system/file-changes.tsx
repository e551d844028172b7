import { diffOf } from '../../../system/diff.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { systemWords } from '../../../words/system.ts';
import { words } from '../../../words/words.ts';
import { Problems, useProblems } from './file-problems.tsx';

interface FileChangesProps {
  readonly before: string;
  readonly after: string;
  readonly isBusy: boolean;
  readonly onSave: () => void;
  readonly onBack: () => void;
}

const SIGNS = { same: ' ', theirs: '−', mine: '+' } as const;

/** What saving would change, line by line, and what the box takes and does not know. */
export function FileChanges({ before, after, isBusy, onSave, onBack }: FileChangesProps) {
  const say = systemWords.value;
  const lines = diffOf(before, after);
  const { problems } = useProblems(after, undefined);
  const told = problems.filter(({ severity }) => severity !== 'note');
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
      <div role="status">
        <Problems problems={told} />
      </div>
      <div class="tools">
        <Button kind="main" busy={isBusy && words.value.saving} isOff={lines.length === 0} onClick={onSave}>
          {words.value.save}
        </Button>
        <Button onClick={onBack}>{say.fileGoOn}</Button>
      </div>
    </>
  );
}
