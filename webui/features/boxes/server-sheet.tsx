import { useMemo, useState } from 'preact/hooks';
import type { PairedServerItem } from '../../../agent/features/boxes/routes.ts';
import { fetchJson } from '../../api-client/request.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { oneAtLeast, ServerFields } from '../../people/access-fields.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { Confirm } from '../../ui/sheet/confirm.tsx';
import { words } from '../../words/words.ts';
import { bodyOf, oneRight, rightsOf, SERVER_RIGHTS, type ServerTerms, serverRightName } from './server-data.ts';
import { boxesWords } from './words.ts';

interface ServerSheetProps {
  readonly server: PairedServerItem;
  /** When the server was paired, and when it was seen last. */
  readonly text: string;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** What a paired server may show, and the end of the pairing. */
export function ServerSheet({ server, text, onChanged, onClosed }: ServerSheetProps) {
  const t = boxesWords.value;
  const { name } = server;
  const address = `v3/pairedservers/${encodeURIComponent(server.id)}`;
  const [isGone, setGone] = useState(false);
  const form = useMemo(
    () =>
      serverForm<ServerTerms>({
        initial: { cameras: server.cameras, rights: rightsOf(server) },
        validate: { cameras: oneAtLeast, rights: oneRight },
        save: async (_, changed) => {
          await fetchJson(address, { method: 'PATCH', body: bodyOf(changed) });
        },
      }),
    [],
  );
  const revoke = () =>
    attempt(async () => {
      await fetchJson(address, { method: 'DELETE' });
      toast(boxesWords.peek().serverRevoked(name));
      setGone(true);
      onChanged();
    });
  return (
    <FormSheet
      title={name}
      form={form}
      isOver={isGone}
      onClosed={onClosed}
      onSaved={() => {
        toast(words.peek().saved);
        onChanged();
      }}
      text={t.serverSaves}
    >
      <p class="dim small">{text}</p>
      <ServerFields form={form} label={t.serverMay} rights={SERVER_RIGHTS} nameOf={serverRightName} />
      <Confirm title={t.revokeServer} text={t.revokeServerText} onConfirm={() => void revoke()} />
    </FormSheet>
  );
}
