import { useRef, useState } from 'preact/hooks';
import type { FileProblem } from '../../../system/config-file.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { systemWords } from '../../../words/settings/system.ts';
import { Problems, useProblems } from './file-problems.tsx';

/** Windows in which the editor starts editable; narrower ones start read-only. */
const WIDE = '(min-width: 820px)';

interface FileEditorProps {
  readonly text: string;
  /** Known problems of this text, or undefined to ask the box. */
  readonly known: readonly FileProblem[] | undefined;
  readonly isChanged: boolean;
  readonly onEdit: (text: string) => void;
  readonly onCompare: () => void;
  readonly onDiscard: () => void;
}

/** The text with line numbers; problems are marked and listed below. */
export function FileEditor({ text, known, isChanged, onEdit, onCompare, onDiscard }: FileEditorProps) {
  const t = systemWords.value;
  const area = useRef<HTMLTextAreaElement>(null);
  const { problems, isChecking } = useProblems(text, known);
  const [mayEdit, setMayEdit] = useState(() => isChanged || matchMedia(WIDE).matches);
  const lines = text.split('\n');
  const goTo = (line: number) => {
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    area.current?.focus();
    area.current?.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    area.current?.parentElement
      ?.querySelector(`.numbers :nth-child(${line})`)
      ?.scrollIntoView({ block: 'center', inline: 'nearest' });
  };
  const isWrong = problems.some(({ severity }) => severity === 'error');
  return (
    <>
      {!mayEdit && (
        <div class="tools">
          <p class="dim small">{t.fileReadOnly}</p>
          <Button onClick={() => setMayEdit(true)}>{t.fileEdit}</Button>
        </div>
      )}
      <div class="editor">
        <Numbers count={lines.length} problems={problems} />
        <textarea
          ref={area}
          aria-label={t.file}
          aria-invalid={isWrong}
          aria-describedby="file-problems"
          rows={lines.length}
          wrap="off"
          spellcheck={false}
          autocapitalize="none"
          autocomplete="off"
          readOnly={!mayEdit}
          value={text}
          onInput={(event) => onEdit(event.currentTarget.value)}
        />
      </div>
      <div id="file-problems" role="status">
        <p class="small dim">
          {isChecking ? t.checkingFile : problems.length === 0 ? t.fileGood : ''} {isChanged && t.fileUnsaved}
        </p>
        <Problems problems={problems} onGo={goTo} />
      </div>
      {isChanged && (
        <div class="tools">
          <Button kind="main" isOff={isWrong || isChecking} onClick={onCompare}>
            {t.fileCompare}
          </Button>
          <Button danger onClick={onDiscard}>
            {t.fileDiscard}
          </Button>
        </div>
      )}
    </>
  );
}

function Numbers({ count, problems }: { readonly count: number; readonly problems: readonly FileProblem[] }) {
  const worst = new Map<number | null, string>();
  for (const { line, severity } of problems) {
    if (worst.get(line) !== 'error') {
      worst.set(line, severity);
    }
  }
  return (
    <div class="numbers digits" aria-hidden="true">
      {Array.from({ length: count }, (_, i) => (
        <span key={i} class={worst.get(i + 1)}>
          {i + 1}
        </span>
      ))}
    </div>
  );
}
