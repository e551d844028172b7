import { useRef } from 'preact/hooks';
import { notDoneWords } from '../../../api-client/error-text.ts';
import { ask } from '../../../api-client/request.ts';
import { noteRestart } from '../../../api-client/restart.ts';
import { session } from '../../../api-client/session.ts';
import type { SystemFacts } from '../../../system/system-facts.ts';
import { useSystemFacts } from '../../../system/use-system-facts.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { place, settingsLink } from '../../../shell/route.ts';
import { Curve, lacksTime, type SystemTrouble, troublesOf } from '../../../system/troubles.ts';
import { Row } from '../../../ui/controls/row.tsx';
import { Say } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { voice } from '../../../words/i18n.ts';
import { Icon, type IconName } from '../../../ui/icons/icon.tsx';
import { lazyPage } from '../../../ui/lazy/lazy-page.tsx';
import { Sure } from '../../../ui/sheet/confirm.tsx';
import { bitRate, byteSize, longDuration, number } from '../../../words/format.ts';
import { systemWords } from '../../../words/system.ts';
import { OfferTime } from './offer-time.tsx';

const Backup = lazyPage(() => import('./system-backup.tsx').then((page) => page.BackupPage));
const Log = lazyPage(() => import('./system-log.tsx').then((page) => page.LogPage));
const Updates = lazyPage(() => import('./system-updates.tsx').then((page) => page.UpdatesPage));
const File = lazyPage(() => import('./system-file.tsx').then((page) => page.FilePage));

/** Above this the box works hard: pictures may come late. */
const BUSY_PERCENT = 90;
const MAX_SAID = 2;

/** One sentence: does it run well, what should be looked at. Then what it is made of. */
export function SystemPage() {
  const here = place.value;
  const part = here.page === 'settings' ? here.part : undefined;
  switch (part) {
    case 'backup':
      return <Backup.Page />;
    case 'log':
      return <Log.Page />;
    case 'file':
      return <File.Page />;
    case 'updates':
      return <Updates.Page />;
    default:
      return <Overview />;
  }
}

function Overview() {
  const facts = useSystemFacts();
  return facts ? <System facts={facts} /> : <div class="skeleton block" />;
}

function System({ facts }: { readonly facts: SystemFacts }) {
  const say = systemWords.value;
  const { language } = voice();
  const troubles = troublesOf(facts).slice(0, MAX_SAID);
  const isBusy = facts.cpuPercent >= BUSY_PERCENT;
  const hasWarnings = troubles.length > 0 || (session.value?.warnings.length ?? 0) > 0;
  const runningMs = Math.max(0, nowMs.value - Date.parse(facts.started));
  return (
    <>
      <section>
        <h2 class="headline">{hasWarnings ? say.lookAtThis : isBusy ? say.worksHard : say.runsWell}</h2>
        <p class="dim">{say.runningFor(longDuration(runningMs, language))}</p>
      </section>
      {troubles.map((trouble) => (
        <Trouble key={trouble} trouble={trouble} facts={facts} />
      ))}
      <Values facts={facts} />
      <div class="card">
        <Row title={say.log} text={say.logText} href={settingsLink('system', 'log')} />
        <Row title={say.backup} text={say.backupRow} href={settingsLink('system', 'backup')} />
        <Row title={say.updates} text={say.updateVersion(facts.version)} href={settingsLink('system', 'updates')} />
        <FileRow fault={facts.configFault} />
        {facts.canRestart && <Sure title={say.restart} text={say.restartText} onSure={restart} />}
      </div>
    </>
  );
}

function FileRow({ fault }: { readonly fault: SystemFacts['configFault'] }) {
  const say = systemWords.value;
  const href = settingsLink('system', 'file');
  if (!fault) {
    return <Row title={say.file} text={say.forExperts} href={href} />;
  }
  const { line } = fault;
  const text = line === null ? say.fileWrong : say.fileWrongAt(number(line, 0, voice().language));
  return <Row title={say.file} text={text} tone="bad" href={href} />;
}

function Trouble({ trouble, facts }: { readonly trouble: SystemTrouble; readonly facts: SystemFacts }) {
  const say = systemWords.value;
  const degrees = number(facts.temperatureCelsius ?? 0, 0, voice().language);
  switch (trouble) {
    case 'file':
      return (
        <Say icon="alert" tone="warn" title={say.fileWrong} text={say.fileWrongText}>
          <div class="tools">
            <a class="button" href={settingsLink('system', 'file')}>
              {say.fileOpen}
            </a>
          </div>
        </Say>
      );
    case 'hot':
      return <Say icon="temperature" tone="warn" title={say.tooHot(degrees)} text={say.tooHotText} />;
    case 'weakNow':
      return <Say icon="bolt" tone="warn" title={say.weakPowerNow} text={say.weakPowerText} />;
    case 'weakBefore':
      return <Say icon="bolt" tone="warn" title={say.weakPowerBefore} text={say.weakPowerText} />;
    case 'clock':
      return lacksTime(facts.clock) ? (
        <OfferTime onSet={() => {}} />
      ) : (
        <Say icon="clock" tone="warn" title={say.clockUnsure} text={say.clockUnsureText} />
      );
  }
}

function Values({ facts }: { readonly facts: SystemFacts }) {
  const say = systemWords.value;
  const { language } = voice();
  const { cpuPercent, memoryUsedBytes, memoryTotalBytes, temperatureCelsius, network, clock } = facts;
  const isCounted = network.some(({ inboundBitrate }) => inboundBitrate !== null);
  const inbound = network.reduce((sum, { inboundBitrate }) => sum + (inboundBitrate ?? 0), 0);
  const addresses = network.flatMap((one) => one.addresses.filter((address) => !address.includes(':')));
  const memory = say.ofTotal(byteSize(memoryUsedBytes, language), byteSize(memoryTotalBytes, language));
  const source = { network: say.clockNetwork, battery: say.clockBattery, none: say.clockNone }[clock.source];
  return (
    <div class="card values">
      <Line
        icon="chip"
        name={say.processor}
        value={`${number(cpuPercent, 0, language)} %`}
        curve={{ value: cpuPercent, top: 100, at: facts }}
      />
      <Line
        icon="memory"
        name={say.memory}
        value={memory}
        curve={{ value: memoryUsedBytes, top: memoryTotalBytes, at: facts }}
      />
      {temperatureCelsius !== null && (
        <Line
          icon="temperature"
          name={say.temperature}
          value={`${number(temperatureCelsius, 0, language)} °C`}
          curve={{ value: temperatureCelsius, top: 90, at: facts }}
        />
      )}
      <Line
        icon="network"
        name={say.network}
        text={[facts.name, ...addresses].filter(Boolean).join(' · ')}
        value={isCounted ? say.rateIn(bitRate(inbound, language)) : ''}
        {...(isCounted && { curve: { value: inbound, top: 1e6, at: facts } })}
      />
      <Line icon="clock" name={say.clock} text={clock.timeZone} value={source} />
      <Line
        icon="info"
        name={say.version}
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
  /** A small curve of what was seen lately; a look each time that `at` is another one. */
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
  const curve = useRef(new Curve());
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
  try {
    const { seconds } = await ask<{ seconds: number }>('v3/restart', { method: 'POST', body: {} });
    noteRestart(seconds);
  } catch (error) {
    toast(notDoneWords(error));
  }
}
