import { useRef } from 'preact/hooks';
import { fetchJson } from '../../../api-client/request.ts';
import { noteRestart } from '../../../api-client/restart.ts';
import { session } from '../../../api-client/session.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { route, settingsLink } from '../../../shell/route.ts';
import { type SystemFacts, useSystemFacts } from '../../../system/system-facts.ts';
import { needsTime, Sparkline, type SystemTrouble, sinceOf, troublesOf } from '../../../system/troubles.ts';
import { Row } from '../../../ui/controls/row.tsx';
import { MessageCard } from '../../../ui/feedback/message-card.tsx';
import { attempt } from '../../../ui/feedback/toast-failure.ts';
import { Icon, type IconName } from '../../../ui/icons/icon.tsx';
import { lazyPage } from '../../../ui/lazy/lazy-page.tsx';
import { Confirm } from '../../../ui/sheet/confirm.tsx';
import { bitRate, byteSize, longDuration, moment, number, percent } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { systemWords } from '../../../words/settings/system.ts';
import { FeatureRows } from '../../features/feature-rows.tsx';
import { systemRows } from '../../features/table.ts';
import { NetworkNamePage } from './network-name.tsx';
import { OfferTime } from './parts/offer-time.tsx';
import { RemoteAccessPage } from './remote-access.tsx';
import { ServersPage } from './servers.tsx';

const Backup = lazyPage(() => import('./system-backup.tsx').then((page) => page.BackupPage));
const Log = lazyPage(() => import('./system-log.tsx').then((page) => page.LogPage));
const Secure = lazyPage(() => import('./secure.tsx').then((page) => page.SecurePage));

const File = lazyPage(() => import('./system-file.tsx').then((page) => page.FilePage));

/** Above this load, video may be late. */
const BUSY_PERCENT = 90;

/** State of the box in one sentence, then its values. */
export function SystemPage() {
  const here = route.value;
  switch (here.page === 'settings' ? here.part : undefined) {
    case 'backup':
      return <Backup.Page />;
    case 'https':
      return <Secure.Page />;
    case 'remote':
      return <RemoteAccessPage />;
    case 'name':
      return <NetworkNamePage />;
    case 'servers':
      return <ServersPage />;
    case 'log':
      return <Log.Page />;
    case 'file':
      return <File.Page />;
    default:
      return <Overview />;
  }
}

function Overview() {
  const facts = useSystemFacts();
  return facts ? <System facts={facts} /> : <div class="skeleton block" />;
}

function System({ facts }: { readonly facts: SystemFacts }) {
  const t = systemWords.value;
  const { language } = i18n();
  const troubles = troublesOf(facts).slice(0, 2);
  const isBusy = facts.cpuPercent >= BUSY_PERCENT;
  const hasWarnings = troubles.length > 0 || (session.value?.warnings.length ?? 0) > 0;
  const runningMs = Math.max(0, nowMs.value - Date.parse(facts.started));
  return (
    <>
      <section>
        <h2 class="headline">{hasWarnings ? t.lookAtThis : isBusy ? t.worksHard : t.runsWell}</h2>
        <p class="dim">{t.runningFor(longDuration(runningMs, language))}</p>
      </section>
      {troubles.map((trouble) => (
        <Trouble key={trouble} trouble={trouble} facts={facts} />
      ))}
      <Values facts={facts} />
      <div class="card">
        <Row title={t.secure} text={t.secureRow} href={settingsLink('system', 'https')} />
        <Row title={t.networkName} text={facts.name ?? t.networkNameNone} href={settingsLink('system', 'name')} />
        <Row title={t.servers} text={t.serversRow} href={settingsLink('system', 'servers')} />
        <FeatureRows section="system" facts={facts} />
        <Row title={t.log} text={t.logText} href={settingsLink('system', 'log')} />
        {systemRows.map((Part, i) => (
          <Part key={i} facts={facts} />
        ))}
        <Row title={t.backup} text={t.backupRow} href={settingsLink('system', 'backup')} />
        <FileRow fault={facts.configFault} />
        {facts.canRestart && (
          <Confirm title={t.restart} text={t.restartText} danger={false} onConfirm={() => attempt(restart)} />
        )}
      </div>
    </>
  );
}

function FileRow({ fault }: { readonly fault: SystemFacts['configFault'] }) {
  const t = systemWords.value;
  const href = settingsLink('system', 'file');
  if (!fault) {
    return <Row title={t.file} text={t.forExperts} href={href} />;
  }
  const { line } = fault;
  const text = line === null ? t.fileWrong : t.fileWrongAt(number(line, 0, i18n().language));
  return <Row title={t.file} text={text} tone="bad" href={href} />;
}

function Trouble({ trouble, facts }: { readonly trouble: SystemTrouble; readonly facts: SystemFacts }) {
  const t = systemWords.value;
  const degrees = number(facts.temperatureCelsius ?? 0, 0, i18n().language);
  const since = sinceOf(trouble, facts);
  /** With the time of its beginning. */
  const dated = (text: string): string =>
    since === undefined ? text : `${t.troubleSince(moment(Date.parse(since), nowMs.value, i18n()))} ${text}`;
  switch (trouble) {
    case 'file':
      return (
        <MessageCard icon="alert" tone="warn" title={t.fileWrong} text={t.fileWrongText}>
          <div class="tools">
            <a class="button" href={settingsLink('system', 'file')}>
              {t.fileOpen}
            </a>
          </div>
        </MessageCard>
      );
    case 'fan':
      return <MessageCard icon="temperature" tone="warn" title={t.fanStopped} text={dated(t.fanStoppedText)} />;
    case 'slowed':
      return <MessageCard icon="chip" tone="warn" title={t.slowedDown} text={dated(t.slowedDownText)} />;
    case 'swap':
      return <MessageCard icon="memory" tone="warn" title={t.swapFull} text={dated(t.swapFullText)} />;
    case 'hot':
      return <MessageCard icon="temperature" tone="warn" title={t.tooHot(degrees)} text={dated(t.tooHotText)} />;
    case 'weakNow':
      return <MessageCard icon="bolt" tone="warn" title={t.weakPowerNow} text={dated(t.weakPowerText)} />;
    case 'weakBefore':
      return <MessageCard icon="bolt" tone="warn" title={t.weakPowerBefore} text={t.weakPowerText} />;
    case 'clock':
      return needsTime(facts.clock) ? (
        <OfferTime onSet={() => {}} />
      ) : (
        <MessageCard icon="clock" tone="warn" title={t.clockUnsure} text={t.clockUnsureText} />
      );
  }
}

function Values({ facts }: { readonly facts: SystemFacts }) {
  const t = systemWords.value;
  const { language } = i18n();
  const { cpuPercent, memoryUsedBytes, memoryTotalBytes, temperatureCelsius, network, clock } = facts;
  const isCounted = network.some(({ inboundBitrate }) => inboundBitrate !== null);
  const inbound = network.reduce((sum, { inboundBitrate }) => sum + (inboundBitrate ?? 0), 0);
  const addresses = network.flatMap((one) => one.addresses.filter((address) => !address.includes(':')));
  const memory = t.ofTotal(byteSize(memoryUsedBytes, language), byteSize(memoryTotalBytes, language));
  const source = { network: t.clockNetwork, battery: t.clockBattery, none: t.clockNone }[clock.source];
  return (
    <div class="card values">
      <Line
        icon="chip"
        name={t.processor}
        value={percent(cpuPercent / 100, language)}
        curve={{ value: cpuPercent, top: 100, at: facts }}
      />
      <Line
        icon="memory"
        name={t.memory}
        value={memory}
        curve={{ value: memoryUsedBytes, top: memoryTotalBytes, at: facts }}
      />
      {temperatureCelsius !== null && (
        <Line
          icon="temperature"
          name={t.temperature}
          value={`${number(temperatureCelsius, 0, language)} °C`}
          curve={{ value: temperatureCelsius, top: 90, at: facts }}
        />
      )}
      <Line
        icon="network"
        name={t.network}
        text={[facts.name, ...addresses].filter(Boolean).join(' · ')}
        value={isCounted ? t.rateIn(bitRate(inbound, language)) : ''}
        {...(isCounted && { curve: { value: inbound, top: 1e6, at: facts } })}
      />
      <Line icon="clock" name={t.clock} text={clock.timeZone} value={source} />
      <Line
        icon="info"
        name={t.version}
        text={[facts.model, facts.host].filter(Boolean).join(' · ')}
        value={`Perch ${facts.version}`}
      />
    </div>
  );
}

interface LineProps {
  readonly icon: IconName;
  readonly name: string;
  readonly text?: string;
  readonly value: string;
  /** Recent values as a curve; each new `at` adds a value. */
  readonly curve?: { readonly value: number; readonly top: number; readonly at: object };
}

function Line({ icon, name, text, value, curve }: LineProps) {
  return (
    <div class="line">
      <Icon name={icon} />
      <span class="grow">
        {name}
        {text && <span class="dim small break">{text}</span>}
      </span>
      {curve && <Spark {...curve} />}
      <b class="digits">{value}</b>
    </div>
  );
}

function Spark({ value, top, at }: NonNullable<LineProps['curve']>) {
  const curve = useRef(new Sparkline());
  const seen = useRef<object>(undefined);
  if (seen.current !== at) {
    seen.current = at;
    curve.current.push(value);
  }
  const points = curve.current.points(top);
  return (
    <svg class="spark" viewBox="0 0 96 24" aria-hidden="true">
      {points && <polyline points={points} />}
    </svg>
  );
}

async function restart(): Promise<void> {
  const { seconds } = await fetchJson<{ seconds: number }>('v3/restart', { method: 'POST', body: {} });
  noteRestart(seconds);
}
