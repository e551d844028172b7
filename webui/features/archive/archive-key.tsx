import { useState } from 'preact/hooks';
import type { ArchiveState } from '../../../agent/features/archive/routes.ts';
import { fetchJson } from '../../api-client/request.ts';
import { Button } from '../../ui/controls/button.tsx';
import { CopyRow } from '../../ui/controls/copy-row.tsx';
import { PasswordField } from '../../ui/controls/field.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { archiveWords } from './words.ts';

interface ArchiveKeyProps {
  readonly status: ArchiveState;
  readonly onChanged: () => void;
}

/** The key of the encrypted archive: shown to be written down, and typed on a new box. */
export function ArchiveKey({ status, onChanged }: ArchiveKeyProps) {
  const t = archiveWords.value;
  const { isOn, keyId, isKeyNoted } = status.encryption;
  if (status.state === 'off') {
    return null;
  }
  return (
    <>
      {isOn && keyId !== null && !isKeyNoted && <Shown onNoted={onChanged} />}
      {isOn && isKeyNoted && <p class="dim">{t.encrypted}</p>}
      <Typed onAdded={onChanged} />
    </>
  );
}

function Shown({ onNoted }: { readonly onNoted: () => void }) {
  const t = archiveWords.value;
  const [key, setKey] = useState<string>();
  const show = async () => {
    setKey((await fetchJson<{ readonly key: string }>('v3/archive/key/show', { method: 'POST' })).key);
  };
  const noted = async () => {
    await fetchJson('v3/archive/key/noted', { method: 'POST' });
    setKey(undefined);
    onNoted();
  };
  return (
    <div class="restore">
      <p>{t.writeDown}</p>
      {key === undefined ? (
        <Button onClick={() => void attempt(show)}>{t.showKey}</Button>
      ) : (
        <>
          <CopyRow text={key} action={t.copy} done={t.copied} />
          <Button kind="main" onClick={() => void attempt(noted)}>
            {t.keyNoted}
          </Button>
        </>
      )}
    </div>
  );
}

function Typed({ onAdded }: { readonly onAdded: () => void }) {
  const t = archiveWords.value;
  const [isOpen, setOpen] = useState(false);
  const [key, setKey] = useState('');
  const [failure, setFailure] = useState<unknown>();
  const add = async (event: Event) => {
    event.preventDefault();
    setFailure(undefined);
    try {
      await fetchJson('v3/archive/key/add', { method: 'POST', body: { key } });
    } catch (error) {
      setFailure(error);
      return;
    }
    setKey('');
    setOpen(false);
    toast(t.keyAdded);
    onAdded();
  };
  if (!isOpen) {
    return (
      <Button kind="quiet" onClick={() => setOpen(true)}>
        {t.typeKey}
      </Button>
    );
  }
  return (
    <form onSubmit={add}>
      <PasswordField
        label={t.key}
        hint={t.keyHint}
        name="archiveKey"
        autocomplete="off"
        value={key}
        onInput={setKey}
        wrong={failure === undefined ? undefined : t.keyWrong}
      />
      <Button type="submit" isOff={key.trim() === ''}>
        {t.addKey}
      </Button>
    </form>
  );
}
