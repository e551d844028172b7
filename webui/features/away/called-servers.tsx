import { useMemo, useState } from 'preact/hooks';
import type { AwayServerItem } from '../../../agent/features/away/routes.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { fieldProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { oneAtLeast, ServerFields } from '../../people/access-fields.tsx';
import { featureLink, settingsLink } from '../../shell/route.ts';
import { Button } from '../../ui/controls/button.tsx';
import { LowerPageHeader } from '../../ui/controls/lower-page-header.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { TextArea } from '../../ui/controls/text-area.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { Icon } from '../../ui/icons/icon.tsx';
import { peopleWords } from '../../words/settings/people.ts';
import {
  CALLED_ADDRESS,
  invitationFault,
  type JoinValues,
  join,
  linkText,
  oneRight,
  RIGHTS,
  rightName,
} from './away-data.ts';
import { awayWords } from './words.ts';

/** Servers to which this box connects. */
export function CalledServersPage() {
  const t = awayWords.value;
  const { value, again } = usePolled<{ readonly items: readonly AwayServerItem[] }>(CALLED_ADDRESS, 'steady');
  const [isJoining, setJoining] = useState(false);
  const servers = value?.items ?? [];
  return (
    <section class="called-servers add-below">
      <LowerPageHeader title={t.callServer} href={settingsLink('people')} above={peopleWords.value.people} />
      <p class="dim">{t.callServerHint}</p>
      {value && servers.length === 0 && <p class="dim">{t.noCalledServers}</p>}
      {servers.length > 0 && (
        <>
          <div class="card">
            {servers.map((server) => (
              <Row
                key={server.id}
                icon="network"
                title={server.name}
                text={[linkText(server), server.address ?? server.error].filter((text) => text !== null).join(' · ')}
                {...((server.state === 'away' || server.state === 'refused') && { tone: 'bad' as const })}
                href={featureLink('people', 'paired')}
              />
            ))}
          </div>
          <p class="dim small">{t.changeOnServers}</p>
        </>
      )}
      <Button onClick={() => setJoining(true)} isOff={!value}>
        <Icon name="plus" small />
        {t.addServer}
      </Button>
      {isJoining && <JoinSheet onJoined={again} onClosed={() => setJoining(false)} />}
    </section>
  );
}

function JoinSheet({ onJoined, onClosed }: { readonly onJoined: () => void; readonly onClosed: () => void }) {
  const t = awayWords.value;
  const form = useMemo(
    () =>
      serverForm<JoinValues>({
        initial: { invitation: '', cameras: 'all', rights: ['live', 'recordings', 'fleet'] },
        validate: { invitation: invitationFault, cameras: oneAtLeast, rights: oneRight },
        save: async (values) => {
          const { name } = await join(values);
          toast(awayWords.peek().serverConnected(name));
        },
      }),
    [],
  );
  return (
    <FormSheet
      title={t.addServer}
      form={form}
      onClosed={onClosed}
      onSaved={onJoined}
      text={t.connectEffect}
      action={t.connect}
      busy={t.connecting}
    >
      <TextArea
        label={peopleWords.value.invitation}
        hint={t.invitationHint}
        {...fieldProps(form, 'invitation', 4_000)}
      />
      <ServerFields form={form} label={t.serverMay} rights={RIGHTS} nameOf={rightName} />
    </FormSheet>
  );
}
