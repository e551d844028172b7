import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { CameraNetworkAnswer as CameraNetwork } from '../../../agent/features/camera-network/routes.ts';
import { actionErrorText, serverText } from '../../api-client/error-text.ts';
import { fetchJson, RequestError } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { nowMs } from '../../shell/page-state.ts';
import { cameraSettingsLink, settingsLink } from '../../shell/route.ts';
import { BackToSystem } from '../../system/back-to-system.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { CopyRow } from '../../ui/controls/copy-row.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { MessageCard } from '../../ui/feedback/message-card.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { longDuration, moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { systemWords } from '../../words/settings/system.ts';
import { cameraNetworkWords } from './words.ts';

const ADDRESS = 'v3/camera-network';

type Device = CameraNetwork['cameras'][number];
/** The address below `ADDRESS`, and the body. */
type Ask = (method: 'PUT' | 'POST', way: string, body: object) => Promise<boolean>;

/** The port for cameras, the devices there, and those that may reach the internet for an hour. */
export function CameraNetworkPage() {
  const t = cameraNetworkWords.value;
  const { value, again } = usePolled<CameraNetwork>(ADDRESS, 'steady');
  return (
    <section class="backup-page camera-network">
      <BackToSystem title={t.title} />
      <p class="dim">{t.cameraNetworkText}</p>
      {value ? <State state={value} again={again} /> : <div class="skeleton block" />}
    </section>
  );
}

function State({ state, again }: { readonly state: CameraNetwork; readonly again: () => void }) {
  const t = cameraNetworkWords.value;
  /** The port or hardware address that a request is about. */
  const [busy, setBusy] = useState<string>();
  const [problem, setProblem] = useState<ComponentChildren>();
  const askAbout =
    (what: string): Ask =>
    async (method, way, body) => {
      setBusy(what);
      setProblem(undefined);
      let isDone = true;
      try {
        // The box waits 65 s.
        await fetchJson(ADDRESS + way, { method, body, limitMs: 75_000 });
      } catch (error) {
        setProblem(problemText(error));
        isDone = false;
      }
      setBusy(undefined);
      again();
      return isDone;
    };
  if (!state.supported) {
    return <MessageCard icon="info" tone="calm" title={t.networkUnsupported} text={t.networkUnsupportedText} />;
  }
  const isOn = state.interface !== null;
  const ports = portsOf(state);
  return (
    <>
      {state.missing.length > 0 && <Missing packages={state.missing} />}
      {state.fault !== null && (
        <MessageCard
          icon="alert"
          tone="warn"
          title={t.networkFault}
          text={reasonText(state.faultWhy) ?? serverText((why) => why, state.fault)}
        />
      )}
      {isOn && state.fault === null && !state.time && <p class="warn">{t.networkNoTime}</p>}
      {ports.length > 0 && (
        <div class="card">
          {ports.map((port) => (
            <PortRow key={port.name} port={port} state={state} busy={busy} ask={askAbout(port.name)} />
          ))}
        </div>
      )}
      {!isOn && state.ports.every(({ obstacle }) => obstacle !== null) && <p>{t.portNone}</p>}
      <p class="bad" role="status">
        {problem}
      </p>
      {isOn && <Cameras cameras={state.cameras} busy={busy} askAbout={askAbout} />}
    </>
  );
}

function Missing({ packages }: { readonly packages: readonly string[] }) {
  const t = cameraNetworkWords.value;
  return (
    <>
      <MessageCard icon="alert" tone="warn" title={t.networkMissing} text={t.networkMissingText} />
      <div class="card">
        <CopyRow
          text={`apt install ${packages.join(' ')}`}
          action={systemWords.value.copyAction}
          done={systemWords.value.keyCopied}
        />
      </div>
    </>
  );
}

interface PortRowProps {
  readonly port: Port;
  readonly state: CameraNetwork;
  readonly busy: string | undefined;
  readonly ask: Ask;
}

function PortRow({ port: { name, connected, obstacle }, state, busy, ask }: PortRowProps) {
  const t = cameraNetworkWords.value;
  const isOn = name === state.interface;
  if (obstacle !== null && !isOn) {
    return <Row title={name} text={reasonText(obstacle)} />;
  }
  const choose = (port: string | null) => ask('PUT', '', { interface: port });
  const change = async (on: boolean) => {
    if ((await choose(on ? name : null)) && !on) {
      toast(t.portOff(name), () => void choose(name));
    }
  };
  const cable = connected ? t.portCable : t.portNoCable;
  const isBusy = busy === name;
  return (
    <Switch
      title={name}
      text={isBusy ? t.portChecking : isOn ? [cable, t.portOn(state.address ?? '')].join(' · ') : cable}
      isOn={isBusy ? !isOn : isOn}
      isLocked={busy !== undefined || (!isOn && state.missing.length > 0)}
      onChange={(on) => void change(on)}
    />
  );
}

interface CamerasProps {
  readonly cameras: readonly Device[];
  readonly busy: string | undefined;
  readonly askAbout: (what: string) => Ask;
}

function Cameras({ cameras, busy, askAbout }: CamerasProps) {
  const t = cameraNetworkWords.value;
  return (
    <section>
      <h2>{t.networkCameras}</h2>
      {cameras.length > 0 && (
        <>
          <p class="dim small">{t.releaseText}</p>
          <div class="card">
            {cameras.map((camera) => (
              <Camera key={camera.mac} camera={camera} busy={busy === camera.mac} ask={askAbout(camera.mac)} />
            ))}
          </div>
        </>
      )}
      {cameras.length === 0 && <p class="dim">{t.networkEmpty}</p>}
      {cameras.some(({ path }) => path === null) && (
        <a class="button" href={settingsLink('cameras', 'add')}>
          {t.networkAdd}
        </a>
      )}
    </section>
  );
}

interface CameraProps {
  readonly camera: Device;
  readonly busy: boolean;
  readonly ask: Ask;
}

function Camera({
  camera: { mac, address, name, manufacturer, path, lastSeen, releasedUntil },
  busy,
  ask,
}: CameraProps) {
  const t = cameraNetworkWords.value;
  const leftMs = releasedUntil === null ? 0 : Date.parse(releasedUntil) - nowMs.value;
  const isReleased = leftMs > 0;
  const shown = path === null ? (name ?? manufacturer ?? address) : cameraTitle(path);
  const facts = [manufacturer !== shown && manufacturer, address !== shown && address, mac].filter(Boolean);
  return (
    <div class="line tall">
      <span class="grow">
        <b>
          <bdi>{path === null ? shown : <a href={cameraSettingsLink(path)}>{shown}</a>}</bdi>
        </b>
        <span class="dim small break">
          <bdi>{facts.join(' · ')}</bdi>
          {lastSeen !== null && ` · ${t.networkSeen(moment(Date.parse(lastSeen), nowMs.value, i18n()))}`}
        </span>
        {isReleased && <span class="warn small">{t.released(longDuration(leftMs, i18n().language))}</span>}
      </span>
      <Button busy={busy && '…'} onClick={() => void ask('POST', isReleased ? '/withdraw' : '/release', { mac })}>
        {isReleased ? t.releaseEnd : t.release}
      </Button>
    </div>
  );
}

const problemText = (error: unknown): ComponentChildren =>
  (error instanceof RequestError && reasonText(error.why)) || actionErrorText(error);

/** Text for a reason that the box gives as a word. */
function reasonText(why: string | null | undefined): string | undefined {
  const t = cameraNetworkWords.value;
  const texts: Readonly<Record<string, string>> = {
    wifi: t.netWifi,
    bridge: t.netBridge,
    defaultRoute: t.netDefaultRoute,
    address: t.netAddress,
    dhcpServer: t.netDhcpServer,
    noPort: t.netNoPort,
    otherPort: t.netOtherPort,
    noInternet: t.netNoInternet,
    noCamera: t.netNoCamera,
  };
  return texts[why ?? ''];
}

type Port = CameraNetwork['ports'][number];

/** The ports of the box, and the chosen one, which is not among them while its adapter is unplugged. */
export function portsOf({ ports, interface: chosen }: Pick<CameraNetwork, 'ports' | 'interface'>): readonly Port[] {
  return chosen === null || ports.some(({ name }) => name === chosen)
    ? ports
    : [...ports, { name: chosen, mac: '', connected: false, obstacle: null }];
}
