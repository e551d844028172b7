import { useState } from 'preact/hooks';
import type { PairedServerItem } from '../../../agent/features/boxes/routes.ts';
import type { HttpsState } from '../../api-client/api-types.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { cameraSelectionText } from '../../people/access-fields.tsx';
import { nowMs } from '../../shell/page-state.ts';
import { settingsLink } from '../../shell/route.ts';
import { Button } from '../../ui/controls/button.tsx';
import { LowerPageHeader } from '../../ui/controls/lower-page-header.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { MessageCard } from '../../ui/feedback/message-card.tsx';
import { Icon } from '../../ui/icons/icon.tsx';
import { SearchedCard } from '../../ui/lists/searched-list.tsx';
import { listed, moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { peopleWords } from '../../words/settings/people.ts';
import { ServerInvitationSheet } from './invitation-sheet.tsx';
import { rightsOf, SERVERS_ADDRESS, serverRightName } from './server-data.ts';
import { ServerSheet } from './server-sheet.tsx';
import { boxesWords } from './words.ts';

/** Servers that show cameras of this box: invited here, and what they may show. */
export function PairedServersPage() {
  const t = boxesWords.value;
  const { value, again } = usePolled<{ readonly items: readonly PairedServerItem[] }>(SERVERS_ADDRESS, 'normal');
  const { value: https } = usePolled<HttpsState>('v3/https', 'normal', { news: ['config'] });
  const [isInviting, setInviting] = useState(false);
  const [shown, setShown] = useState<PairedServerItem>();
  const servers = value?.items ?? [];
  return (
    <section class="paired-servers add-below">
      <LowerPageHeader title={t.pairedServers} href={settingsLink('people')} above={peopleWords.value.people} />
      <p class="dim">{t.pairedServersHint}</p>
      {value && servers.length === 0 && <p class="dim">{t.noPairedServers}</p>}
      {servers.length > 0 && (
        <SearchedCard items={servers} textOf={({ name }) => name}>
          {(server) => (
            <Row
              key={server.id}
              icon="network"
              title={server.name}
              text={`${rightsText(server)} · ${whenText(server)}`}
              onClick={() => setShown(server)}
            />
          )}
        </SearchedCard>
      )}
      {https?.port === null ? (
        <MessageCard icon="lock" tone="warn" title={t.needsHttps}>
          <div class="tools">
            <a class="button" href={settingsLink('system', 'https')}>
              {t.toHttps}
            </a>
          </div>
        </MessageCard>
      ) : (
        <Button onClick={() => setInviting(true)} isOff={!value}>
          <Icon name="plus" small />
          {t.inviteServer}
        </Button>
      )}
      {isInviting && (
        <ServerInvitationSheet
          paired={servers.map(({ id }) => id)}
          onChanged={again}
          onClosed={() => setInviting(false)}
        />
      )}
      {shown && (
        <ServerSheet server={shown} text={whenText(shown)} onChanged={again} onClosed={() => setShown(undefined)} />
      )}
    </section>
  );
}

function rightsText(server: PairedServerItem): string {
  const { language } = i18n();
  return `${listed(rightsOf(server).map(serverRightName), language)} · ${cameraSelectionText(server.cameras, language)}`;
}

function whenText({ created, seen }: PairedServerItem): string {
  const t = boxesWords.value;
  const at = (time: string) => moment(Date.parse(time), nowMs.value, i18n());
  return `${t.pairedSince(at(created))} · ${seen === null ? t.serverUnseen : t.serverSeen(at(seen))}`;
}
