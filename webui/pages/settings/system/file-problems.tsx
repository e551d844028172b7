import { useEffect, useState } from 'preact/hooks';
import { retryUntilAnswered } from '../../../api-client/retry.ts';
import { checkText, type FileProblem } from '../../../system/config-file.ts';
import { number } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { systemWords } from '../../../words/settings/system.ts';

const TYPED_MS = 400;

interface ProblemsProps {
  readonly problems: readonly FileProblem[];
  /** Undefined: lines cannot be selected. */
  readonly onGo?: (line: number) => void;
}

export function Problems({ problems, onGo }: ProblemsProps) {
  const t = systemWords.value;
  const { language } = i18n();
  const tone = { error: 'bad', warn: 'warn', note: 'dim' } as const;
  return (
    <ul class="problems">
      {problems.map(({ severity, key, message, line }) => (
        <li key={`${line} ${key} ${message}`} class={`small ${tone[severity]}`}>
          {line !== null && !onGo && `${t.fileAt(number(line, 0, language))} `}
          {line !== null && onGo && (
            <button class="text" type="button" onClick={() => onGo(line)}>
              {t.fileAt(number(line, 0, language))}
            </button>
          )}
          <span class="break">
            {key !== '' && <code>{key}</code>} {message}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** A permanent rejection of the check itself. */
const checkFailure = ({ message }: Error): FileProblem => ({
  severity: 'error',
  key: '',
  message,
  line: null,
  column: null,
});

/** Problems of the text, checked a moment after the last key. */
export function useProblems(text: string, known: readonly FileProblem[] | undefined) {
  const [judged, setJudged] = useState<{ readonly text: string; readonly problems: readonly FileProblem[] }>();
  useEffect(() => {
    if (known) {
      return undefined;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      retryUntilAnswered(() => checkText(text, stop.signal), stop.signal).then(
        (said) => said && setJudged({ text, problems: said.problems }),
        (error: Error) => setJudged({ text, problems: [checkFailure(error)] }),
      );
    }, TYPED_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, known]);
  return { problems: known ?? judged?.problems ?? [], isChecking: !known && judged?.text !== text };
}
