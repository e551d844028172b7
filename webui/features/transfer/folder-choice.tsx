import { useEffect, useState } from 'preact/hooks';
import type { FolderList } from '../../../agent/features/transfer/routes.ts';
import { actionErrorText } from '../../api-client/error-text.ts';
import { fetchJson, RequestError } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { Button } from '../../ui/controls/button.tsx';
import { TextField } from '../../ui/controls/field.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { byteSize } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { storageWords } from '../../words/settings/storage.ts';
import { transferWords } from './words.ts';

interface FolderChoiceProps {
  readonly path: string;
  /** Recordings are written there. */
  readonly needsWriting?: boolean;
  readonly action: string;
  readonly onOpen: (path: string) => void;
  readonly onChoose: (path: string) => void;
}

/** Folders of the box, one level at a time. */
export function FolderChoice({ path, needsWriting = false, action, onOpen, onChoose }: FolderChoiceProps) {
  const { language } = i18n();
  const t = transferWords.value;
  const [failed, setFailed] = useState<{ readonly path: string; readonly error: unknown }>();
  const { value } = usePolled<FolderList>(addressOf(path), 'slow', {
    // Without a response there is another attempt.
    onFailure: (error) => error instanceof RequestError && error.status !== 0 && setFailed({ path, error }),
  });
  useEffect(() => () => setFailed(undefined), [path]);
  const typed = <TypedFolder onOpen={onOpen} />;
  if (!value) {
    return (
      <section class="card folder-choice">
        {typed}
        {failed?.path === path ? (
          <Unopened path={path} error={failed.error} onOpen={onOpen} />
        ) : (
          <div class="skeleton block" />
        )}
      </section>
    );
  }
  const { parent, items, isCut, freeBytes, totalBytes, writable } = value;
  const isUsable = writable || !needsWriting;
  return (
    <section class="card folder-choice">
      {typed}
      <div class="padded">
        <b class="folder">
          <bdi>{value.path}</bdi>
        </b>
        <p class="dim small">
          {storageWords.value.freeOf(byteSize(freeBytes, language), byteSize(totalBytes, language))}
          {!isUsable && ` · ${storageWords.value.notWritable}`}
        </p>
        <Button isOff={!isUsable} onClick={() => onChoose(value.path)}>
          {action}
        </Button>
      </div>
      {parent !== null && <Row icon="back" title={t.folderAbove} text={parent} onClick={() => onOpen(parent)} />}
      {items.map((item) => (
        <Row key={item.path} icon="disk" title={item.name} onClick={() => onOpen(item.path)} />
      ))}
      {items.length === 0 && <p class="dim small padded">{t.noFolders}</p>}
      {isCut && <p class="dim small padded">{t.moreFolders}</p>}
    </section>
  );
}

interface UnopenedProps extends Pick<FolderChoiceProps, 'path' | 'onOpen'> {
  readonly error: unknown;
}

/** A folder that Perch may not read, such as `lost+found`, or that is gone. */
function Unopened({ path, error, onOpen }: UnopenedProps) {
  const parent = path.replace(/\/[^/]*$/, '') || '/';
  return (
    <>
      <div class="padded">
        <b class="folder">
          <bdi>{path}</bdi>
        </b>
        <p class="bad small" role="alert">
          {reasonOf(error) ?? actionErrorText(error)}
        </p>
      </div>
      {path !== '/' && (
        <Row icon="back" title={transferWords.value.folderAbove} text={parent} onClick={() => onOpen(parent)} />
      )}
    </>
  );
}

/** Opens the folder of a path that is typed or pasted. */
function TypedFolder({ onOpen }: Pick<FolderChoiceProps, 'onOpen'>) {
  const t = transferWords.value;
  const [path, setPath] = useState('');
  const [wrong, setWrong] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const open = async () => {
    setBusy(true);
    try {
      onOpen((await fetchJson<FolderList>(addressOf(path.trim() || '.'))).path);
      setPath('');
      setWrong(undefined);
    } catch (error) {
      const reason = reasonOf(error);
      setWrong(reason);
      if (reason === undefined) {
        toast(actionErrorText(error));
      }
    }
    setBusy(false);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (!isBusy) {
      void open();
    }
  };
  return (
    <form class="padded" onSubmit={submit} novalidate>
      <TextField
        label={t.folderPath}
        name="folder"
        autocomplete="off"
        value={path}
        wrong={wrong}
        isLocked={isBusy}
        onInput={(text) => {
          setPath(text);
          setWrong(undefined);
        }}
      />
      <Button type="submit">{t.openFolder}</Button>
    </form>
  );
}

const addressOf = (path: string): string => `v3/disks/folders?path=${encodeURIComponent(path)}`;

/** Why the typed path is wrong, or undefined for another reason. */
function reasonOf(error: unknown): string | undefined {
  const t = transferWords.peek();
  const texts: Readonly<Record<number, string>> = { 400: t.folderRefused, 404: t.folderUnknown };
  return error instanceof RequestError ? texts[error.status] : undefined;
}
