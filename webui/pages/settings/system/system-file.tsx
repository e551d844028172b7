import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ChangedMeanwhile } from '../../../api-client/config.ts';
import { boxSays, failureWords } from '../../../api-client/error-text.ts';
import { BoxError } from '../../../api-client/request.ts';
import { untilAnswered } from '../../../api-client/retry.ts';
import { type ConfigFile, draft, readFile, writeFile } from '../../../system/config-file.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Say } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { systemWords } from '../../../words/system.ts';
import { words } from '../../../words/words.ts';
import { BackToSystem } from './back-to-system.tsx';
import { FileChanges } from './file-changes.tsx';
import { FileEditor } from './file-editor.tsx';

/** The configuration file for whoever knows it: checked as it is typed, compared before it is saved. */
export function FilePage() {
  const say = systemWords.value;
  return (
    <section class="file-page">
      <BackToSystem title={say.file} />
      <p class="dim">{say.fileText}</p>
      <File />
    </section>
  );
}

function File() {
  const say = systemWords.value;
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
      if (error instanceof ChangedMeanwhile) {
        setTheirs(error.by?.user ?? words.peek().somebody);
        setCompares(false);
      } else {
        setFailure(sentence(error));
        setCompares(!(error instanceof BoxError && error.status === 400));
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
        <Say icon="alert" tone="bad" title={say.fileTheirs(theirs)}>
          <div class="tools">
            <Button onClick={() => void settle(false)}>{say.fileTakeTheirs}</Button>
            <Button onClick={() => void settle(true)}>{say.fileKeepMine}</Button>
          </div>
        </Say>
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
      // The strip above says when the box does not answer.
      untilAnswered(readFile, stop.signal).then(
        (read) => read && setFile(read),
        (error) => onFailure(sentence(error)),
      );
    }
    return () => stop.abort();
  }, [file === undefined]);
  return [file, setFile] as const;
}

/** What is wrong in the file stands beside its lines; of the rest the box tells the first. */
const sentence = (error: unknown): ComponentChildren =>
  error instanceof BoxError && error.status === 400
    ? boxSays((why) => `${systemWords.peek().fileNotTaken} ${why}`, error.message)
    : failureWords(error);
