import type { PublishServer } from '../../../api-client/api-types.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { settingsLink } from '../../../shell/route.ts';
import { BackToSystem } from '../../../system/back-to-system.tsx';
import { ConfigSwitch } from '../../../system/config-switch.tsx';
import { CopyRow } from '../../../ui/controls/copy-row.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { systemWords } from '../../../words/settings/system.ts';

/** Servers that programs publish to: on and off, and their addresses. */
export function ServersPage() {
  const t = systemWords.value;
  const { value, again } = usePolled<{ readonly items: readonly PublishServer[] }>('v3/servers', 'steady', {
    news: ['config'],
  });
  return (
    <section class="servers">
      <BackToSystem title={t.servers} />
      <p class="dim">{t.serversHint}</p>
      {value ? (
        <>
          {value.items.map((server) => (
            <Server key={server.key} server={server} onChanged={again} />
          ))}
          <p class="dim small">{t.serverPlaces}</p>
          <div class="card">
            <Row title={t.toDevicePasswords} href={settingsLink('people')} />
          </div>
        </>
      ) : (
        <div class="skeleton block" />
      )}
    </section>
  );
}

interface ServerProps {
  readonly server: PublishServer;
  readonly onChanged: () => void;
}

function Server({ server: { name, key, isOn, urls }, onChanged }: ServerProps) {
  const t = systemWords.value;
  const isWebRtc = key === 'webrtc';
  return (
    <div class="card">
      <ConfigSwitch
        name={key}
        title={t.serverOn(isWebRtc ? 'WebRTC (WHIP)' : name.toUpperCase())}
        {...(isOn && { text: isWebRtc ? t.serverEndsHere : t.serverEnds })}
        isOn={isOn}
        onChanged={onChanged}
      />
      {isOn &&
        urls.map((url) => (
          <CopyRow
            key={url}
            text={url.replace('HOST', location.hostname)}
            {...(isWebRtc && { hint: t.whipToken })}
            action={t.copyAction}
            done={t.addressCopied}
          />
        ))}
    </div>
  );
}
