import { useState } from 'preact/hooks';
import { patchConfig } from '../../../api-client/config.ts';
import { saveErrorText } from '../../../api-client/error-text.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { settingsLink } from '../../../shell/route.ts';
import { CopyRow } from '../../../ui/controls/copy-row.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { Switch } from '../../../ui/controls/switch.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { peopleWords } from '../../../words/people.ts';
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

/** `GET /v3/onvif`: the cameras as ONVIF devices of their own, with an address each. */
interface OnvifServer extends Pick<PublishServer, 'isOn'> {
  readonly cameras: readonly { readonly path: string; readonly name: string }[];
  /** Of each camera; null: its port could not be opened. */
  readonly urls: readonly (string | null)[];
  readonly hasPassword: boolean;
  readonly discoveryError: string | null;
  readonly refused: {
    readonly why: 'wrong' | 'rights' | 'clock' | 'clear' | 'replay';
    readonly user: string;
    readonly address: string;
  } | null;
}

/** Servers that programs publish to: on and off, and their addresses. */
export function ServersPage() {
  const t = systemWords.value;
  const options = { everyMs: LOOK_MS, news: ['config'] } as const;
  const { value, again } = usePolled<{ readonly items: readonly PublishServer[] }>('v3/servers', options);
  const onvif = usePolled<OnvifServer>('v3/onvif', options);
  return (
    <section class="backup-page servers">
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
          {onvif.value && <Server server={onvif.value} problem={onvifProblem(onvif.value)} onChanged={onvif.again} />}
        </>
      ) : (
        <div class="skeleton block" />
      )}
    </section>
  );
}

interface ServerProps {
  readonly server: PublishServer | OnvifServer;
  readonly problem?: string | undefined;
  readonly onChanged: () => void;
}

function Server({ server, problem, onChanged }: ServerProps) {
  const t = systemWords.value;
  const [wanted, setWanted] = useState<boolean>();
  const { name = '', key = 'onvif', isOn = false, urls, cameras } = server as Partial<PublishServer & OnvifServer>;
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
        title={cameras ? peopleWords.value.deviceOnvif : t.serverOn(isWebRtc ? 'WebRTC (WHIP)' : name.toUpperCase())}
        {...(isOn && { text: problem ?? (isWebRtc ? t.serverEndsHere : t.serverEnds) })}
        isOn={wanted ?? isOn}
        onChange={(on) => void change(on)}
        isLocked={wanted !== undefined}
      />
      {isOn &&
        urls?.map((url, i) =>
          url === null ? (
            <Row key={cameras?.[i]?.path} title={cameras?.[i]?.name ?? ''} text={t.onvifNoPort} />
          ) : (
            <CopyRow
              key={url}
              label={cameras?.[i]?.name ?? ''}
              text={url.replace('HOST', location.hostname)}
              {...(isWebRtc && { hint: t.whipToken })}
              action={t.copyAddress}
              done={t.addressCopied}
            />
          ),
        )}
    </div>
  );
}

/** Why a recorder cannot log in or find the cameras. */
function onvifProblem({ hasPassword, refused, discoveryError }: OnvifServer): string | undefined {
  const t = systemWords.value;
  if (!hasPassword) {
    return t.onvifNoPassword;
  }
  if (refused) {
    const { why, user, address } = refused;
    const reasons = {
      wrong: t.onvifWrong,
      rights: t.onvifRights,
      clock: t.onvifClock,
      clear: t.onvifClear,
      replay: t.onvifReplay,
    };
    return t.onvifRefused(user, address, reasons[why]);
  }
  return discoveryError === null ? undefined : t.onvifUnannounced;
}
