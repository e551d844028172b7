import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { PreconditionFailed } from '../../../api-client/config.ts';
import { saveErrorText, serverText } from '../../../api-client/error-text.ts';
import { RequestError } from '../../../api-client/request.ts';
import { retryUntilAnswered } from '../../../api-client/retry.ts';
import { type ConfigFile, draft, readFile, writeFile } from '../../../system/config-file.ts';
import { diffOf } from '../../../system/diff.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { MessageCard } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { systemWords } from '../../../words/system.ts';
import { words } from '../../../words/words.ts';
import { BackToSystem } from './back-to-system.tsx';
import { FileEditor } from './file-editor.tsx';
import { Problems, useProblems } from './file-problems.tsx';

/** The configuration file for whoever knows it: checked as it is typed, compared before it is saved. */
export function FilePage() {
  const t = systemWords.value;
  return (
    <section class="file-page">
      <BackToSystem title={t.file} />
      <p class="dim">{t.fileText}</p>
      <File />
    </section>
  );
}

function File() {
  const t = systemWords.value;
  const [failure, setFailure] = useState<ComponentChildren>('');
  const [file, setFile] = useFile(setFailure);
  const [theirs, setTheirs] = useState<string>();
  const [compares, setCompares] = useState(false);
  const [isBusy, setBusy] = useState(false);
  if (!file) {
    return failure ? <p class="bad">{failure}</p> : <div class="skeleton block" />;
  }
  const base = draft.value?.base ?? file;
  const text = draft.value?.text ?? file.text;
  const edit = (typed: string) => {
    setFailure('');
    draft.value = typed === base.text ? undefined : { text: typed, base };
  };
  const save = async () => {
    setBusy(true);
    setFailure('');
    try {
      await writeFile(text, base.tag);
      draft.value = undefined;
      setCompares(false);
      toast(words.peek().saved);
      setFile(await readFile().catch(() => undefined));
    } catch (error) {
      if (error instanceof PreconditionFailed) {
        setTheirs(error.by?.user ?? words.peek().somebody);
        setCompares(false);
      } else {
        setFailure(sentence(error));
        setCompares(!(error instanceof RequestError && error.status === 400));
      }
    }
    setBusy(false);
  };
  /** @param keeps what was typed, on top of what the file is now */
  const settle = async (keeps: boolean) => {
    setFailure('');
    const now = await readFile().catch((error: unknown) => setFailure(sentence(error)));
    if (!now) {
      return;
    }
    setFile(now);
    draft.value = keeps ? { text, base: now } : undefined;
    setTheirs(undefined);
    setCompares(keeps);
  };
  return (
    <>
      {theirs !== undefined && (
        <MessageCard icon="alert" tone="bad" title={t.fileTheirs(theirs)}>
          <div class="tools">
            <Button onClick={() => void settle(false)}>{t.fileTakeTheirs}</Button>
            <Button onClick={() => void settle(true)}>{t.fileKeepMine}</Button>
          </div>
        </MessageCard>
      )}
      {failure !== '' && (
        <p class="bad" role="alert">
          {failure}
        </p>
      )}
      {compares ? (
        <FileChanges before={base.text} after={text} isBusy={isBusy} onSave={save} onBack={() => setCompares(false)} />
      ) : (
        <FileEditor
          text={text}
          known={draft.value ? undefined : file.problems}
          onEdit={edit}
          onCompare={() => setCompares(true)}
          onDiscard={() => edit(base.text)}
          isChanged={draft.value !== undefined}
        />
      )}
    </>
  );
}

/** The file as it is, asked for whenever it is not known. */
function useFile(onFailure: (why: ComponentChildren) => void) {
  const [file, setFile] = useState<ConfigFile>();
  useEffect(() => {
    const stop = new AbortController();
    if (!file) {
      // The strip above says when the device does not answer.
      retryUntilAnswered(readFile, stop.signal).then(
        (read) => read && setFile(read),
        (error) => onFailure(sentence(error)),
      );
    }
    return () => stop.abort();
  }, [file === undefined]);
  return [file, setFile] as const;
}

/** What is wrong in the file stands beside its lines; of the rest the device tells the first. */
const sentence = (error: unknown): ComponentChildren =>
  error instanceof RequestError && error.status === 400
    ? serverText((why) => `${systemWords.peek().fileNotTaken} ${why}`, error.message)
    : saveErrorText(error);

interface FileChangesProps {
  readonly before: string;
  readonly after: string;
  readonly isBusy: boolean;
  readonly onSave: () => void;
  readonly onBack: () => void;
}

const SIGNS = { same: ' ', theirs: '−', mine: '+' } as const;

/** What saving would change, line by line, and what the device takes and does not know. */
function FileChanges({ before, after, isBusy, onSave, onBack }: FileChangesProps) {
  const t = systemWords.value;
  const lines = diffOf(before, after);
  const { problems } = useProblems(after, undefined);
  const told = problems.filter(({ severity }) => severity !== 'note');
  return (
    <>
      <h3>{t.fileChanges}</h3>
      {lines.length === 0 && <p class="dim">{t.fileSame}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by the keyboard */}
      <section class="diff" aria-label={t.fileChanges} tabIndex={0}>
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
        <Button onClick={onBack}>{t.fileGoOn}</Button>
      </div>
    </>
  );
}
