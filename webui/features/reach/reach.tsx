import { useState } from 'preact/hooks';
import type { ReachState } from '../../../agent/features/reach/routes.ts';
import { patchConfig } from '../../api-client/config.ts';
import { saveErrorText } from '../../api-client/error-text.ts';
import { fetchJson } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { nowMs } from '../../shell/page-state.ts';
import { BackToSystem } from '../../system/back-to-system.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { CopyRow } from '../../ui/controls/copy-row.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { MessageCard } from '../../ui/feedback/message-card.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { systemWords } from '../../words/settings/system.ts';
import { Phones } from './phones.tsx';
import { findings, openText, whyText } from './reach-data.ts';
import { reachWords } from './words.ts';

const ADDRESS = 'v3/reach';
/** The search for a router by UPnP takes some seconds. */
const TEST_MS = 60_000;

/** Whether the internet reaches this box, and the port that its router opens for it. */
export function ReachPage() {
  const t = reachWords.value;
  const { value, again } = usePolled<ReachState>(ADDRESS, 'steady', { news: ['config'] });
  return (
    <section class="backup-page reach">
      <BackToSystem title={t.title} />
      <p class="dim">{t.intro}</p>
      {value ? (
        <>
          <Test test={value.test} again={again} />
          <Mapping state={value} again={again} />
          <Phones state={value} again={again} />
        </>
      ) : (
        <div class="skeleton block" />
      )}
    </section>
  );
}

interface TestProps {
  readonly test: ReachState['test'];
  readonly again: () => void;
}

function Test({ test, again }: TestProps) {
  const t = reachWords.value;
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    await attempt(() => fetchJson(`${ADDRESS}/test`, { method: 'POST', limitMs: TEST_MS }));
    setBusy(false);
    again();
  };
  return (
    <>
      <Button busy={isBusy && t.testing} onClick={() => void run()}>
        {t.test}
      </Button>
      <div role="status">
        {test && (
          <>
            <p class="dim small">{t.tested(moment(Date.parse(test.time), nowMs.value, i18n()))}</p>
            <div class="card">
              {findings(test, t).map((finding) => (
                <Row key={finding.text} {...finding} />
              ))}
            </div>
          </>
        )}
      </div>
    </>
  );
}

interface MappingProps {
  readonly state: ReachState;
  readonly again: () => void;
}

function Mapping({ state: { isOn, obstacle, url, urlIpv6, mappings }, again }: MappingProps) {
  const t = reachWords.value;
  const [isAsked, setAsked] = useState(false);
  const [isSaving, setSaving] = useState(false);
  const save = async (portMapping: boolean) => {
    setAsked(false);
    setSaving(true);
    try {
      await patchConfig('v3/config/global/patch', { portMapping }, undefined);
    } catch (error) {
      toast(saveErrorText(error));
    }
    setSaving(false);
    again();
  };
  const obstacles = { noOwner: t.obstacleNoOwner, noHttps: t.obstacleNoHttps, public: t.obstaclePublic };
  return (
    <>
      <div class="card">
        <Switch
          title={t.switchTitle}
          text={obstacle === null ? t.switchText : obstacles[obstacle]}
          isOn={isOn || isAsked}
          onChange={(on) => (on ? setAsked(true) : isOn ? void save(false) : setAsked(false))}
          isLocked={isSaving || (!isOn && obstacle !== null)}
        />
        {mappings.map(({ name, port, outsidePort, state, error, why }) => (
          <Row
            key={name}
            title={(name === 'httpsIpv6' ? t.stateIpv6 : t.state)(`${outsidePort ?? port}`)}
            text={
              state === 'asking'
                ? t.stateAsking
                : state === 'open'
                  ? openText(name, url, t)
                  : `${t.stateFailed} ${whyText(why, t) ?? error ?? ''}`
            }
            {...(state === 'failed' && { tone: 'bad' as const })}
          />
        ))}
        {[url, urlIpv6].map(
          (one) =>
            one !== null && (
              <CopyRow
                key={one}
                text={one}
                action={systemWords.value.copyAction}
                done={systemWords.value.addressCopied}
              />
            ),
        )}
      </div>
      {isAsked && !isOn && (
        <MessageCard icon="alert" tone="warn" title={t.riskTitle} text={t.risk}>
          <Button onClick={() => void save(true)}>{t.riskAgree}</Button>
        </MessageCard>
      )}
    </>
  );
}
