import { useState } from 'preact/hooks';
import { patchConfig } from '../../../api-client/config.ts';
import { saveErrorText } from '../../../api-client/error-text.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { settingsLink } from '../../../shell/route.ts';
import { CopyRow } from '../../../ui/controls/copy-row.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { Switch } from '../../../ui/controls/switch.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { systemWords } from '../../../words/system.ts';
import { BackToSystem } from './back-to-system.tsx';

const LOOK_MS = 5_000;

/** A server of `/v3/servers`. */
export interface PublishServer {
  readonly name: string;
  readonly key: string;
  readonly isOn: boolean;
  readonly urls: readonly string[];
}

/** Servers that programs publish to: on and off, and their addresses. */
export function ServersPage() {
  const t = systemWords.value;
  const options = { everyMs: LOOK_MS, news: ['config'] } as const;
  const { value, again } = usePolled<{ readonly items: readonly PublishServer[] }>('v3/servers', options);
  return (
    <section class="backup-page servers">
      <BackToSystem title={t.servers} />
      <p class="dim">{t.serversHint}</p>
      {value?.items.map((server) => <Server key={server.key} server={server} onChanged={again} />) ?? (
        <div class="skeleton block" />
      )}
      <p class="dim small">{t.serverPlaces}</p>
      <div class="card">
        <Row title={t.toDevicePasswords} href={settingsLink('people')} />
      </div>
    </section>
  );
}

function Server({ server, onChanged }: { readonly server: PublishServer; readonly onChanged: () => void }) {
  const t = systemWords.value;
  const [wanted, setWanted] = useState<boolean>();
  const { name, key, isOn, urls } = server;
  const isWebRtc = key === 'webrtc';
  const change = async (on: boolean) => {
    setWanted(on);
    try {
      await patchConfig('v3/config/global/patch', { [key]: on }, undefined);
    } catch (error) {
      toast(saveErrorText(error));
    }
    setWanted(undefined);
    onChanged();
  };
  return (
    <div class="card">
      <Switch
        title={t.serverOn(isWebRtc ? 'WebRTC (WHIP)' : name.toUpperCase())}
        {...(isOn && { text: isWebRtc ? t.serverEndsHere : t.serverEnds })}
        isOn={wanted ?? isOn}
        onChange={(on) => void change(on)}
        isLocked={wanted !== undefined}
      />
      {isOn &&
        urls.map((url) => (
          <CopyRow
            key={url}
            text={url.replace('HOST', location.hostname)}
            {...(isWebRtc && { hint: t.whipToken })}
            action={t.copyAddress}
            done={t.addressCopied}
          />
        ))}
    </div>
  );
}
