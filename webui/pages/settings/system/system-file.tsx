import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { FileText } from '../../../api-client/api-types.ts';
import { PreconditionFailed } from '../../../api-client/config.ts';
import { savedText, saveErrorText, serverText } from '../../../api-client/error-text.ts';
import { RequestError } from '../../../api-client/request.ts';
import { retryUntilAnswered } from '../../../api-client/retry.ts';
import { BackToSystem } from '../../../system/back-to-system.tsx';
import { draft, readFile, readPasswords, writeFile } from '../../../system/config-file.ts';
import { diffOf } from '../../../system/diff.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { MessageCard } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { reasonsWords } from '../../../words/reasons.ts';
import { systemWords } from '../../../words/settings/system.ts';
import { words } from '../../../words/words.ts';
import { FileEditor } from './file-editor.tsx';
import { Problems, useProblems } from './file-problems.tsx';
import { OwnerPasswordSheet } from './parts/owner-password-sheet.tsx';

/** The configuration file in an editor that checks while typing, and shows changes before saving. */
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

/** The start of a placeholder, such as `<hidden-1a2b3c4d5e6f>`. */
const PLACEHOLDER = '<hidden-';

function File() {
  const t = systemWords.value;
  const [failure, setFailure] = useState<ComponentChildren>('');
  const [file, setFile] = useFile(setFailure);
  const [theirs, setTheirs] = useState<string>();
  const [compares, setCompares] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [isAsking, setAsking] = useState(false);
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
      const change = { isUnsaved: false };
      await writeFile(text, base.tag, change);
      draft.value = undefined;
      setCompares(false);
      toast(savedText(change));
      setFile(await readFile().catch(() => undefined));
    } catch (error) {
      if (error instanceof PreconditionFailed) {
        setTheirs(error.by?.user ?? reasonsWords.peek().someoneElse);
        setCompares(false);
      } else {
        setFailure(sentence(error));
        setCompares(!(error instanceof RequestError && error.status === 400));
      }
    }
    setBusy(false);
  };
  /** @param keeps the typed text, based on the present file */
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
      {isAsking && <ShowPasswords onShown={setFile} onClosed={() => setAsking(false)} />}
      {base.passwordsHidden && base.text.includes(PLACEHOLDER) && (
        <div class="tools">
          <p class="dim small">{t.fileHidden}</p>
          {/* What was typed has the placeholders. */}
          {!draft.value && <Button onClick={() => setAsking(true)}>{t.fileShow}</Button>}
        </div>
      )}
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

/** The file, requested while undefined. */
function useFile(onFailure: (why: ComponentChildren) => void) {
  const [file, setFile] = useState<FileText>();
  useEffect(() => {
    const stop = new AbortController();
    if (!file) {
      retryUntilAnswered(readFile, stop.signal).then(
        (read) => read && setFile(read),
        (error) => onFailure(sentence(error)),
      );
    }
    return () => stop.abort();
  }, [file === undefined]);
  return [file, setFile] as const;
}

/** Problems are listed with their lines; other rejections are the box's message. */
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

/** The changes, with the box's warnings. */
function FileChanges({ before, after, isBusy, onSave, onBack }: FileChangesProps) {
  const t = systemWords.value;
  const lines = diffOf(before, after);
  const { problems } = useProblems(after, undefined);
  const shown = problems.filter(({ severity }) => severity !== 'note');
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
        <Problems problems={shown} />
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

interface ShowPasswordsProps {
  readonly onShown: (file: FileText) => void;
  readonly onClosed: () => void;
}

function ShowPasswords({ onShown, onClosed }: ShowPasswordsProps) {
  const t = systemWords.value;
  const work = async (password: string) => onShown(await readPasswords(password));
  return <OwnerPasswordSheet title={t.fileShow} text={t.fileShowText} work={work} onClosed={onClosed} />;
}
