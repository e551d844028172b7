import { useEffect, useState } from 'preact/hooks';
import { logOut, session } from '../box/session.ts';
import { distinctDisks, type SystemFacts, systemFacts } from '../box/system.ts';
import { nowMs, pageShown } from '../box/wake.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import { LanguageChoice } from '../parts/language-choice.tsx';
import { Warnings } from '../parts/notices.tsx';
import { voice } from '../parts/voice.ts';
import { byteSize, longDuration, number, percent } from '../words/format.ts';

const LOOK_MS = 5_000;
/** Above this the box works hard: pictures may come late. */
const BUSY_PERCENT = 90;

/** Settings, as far as there are any: how the box does, the language, and the way out. */
export function SettingsPage() {
  const { words } = voice();
  const facts = useSystemFacts();
  return (
    <div class="page">
      <header class="top">
        <h1>{words.settings}</h1>
      </header>
      <div class="sections">
        <Warnings />
        {facts && <System facts={facts} />}
        {facts && <Storage facts={facts} />}
        <section>
          <h2>{words.account}</h2>
          <Account />
        </section>
      </div>
    </div>
  );
}

function System({ facts }: { readonly facts: SystemFacts }) {
  const { words, language } = voice();
  const hasWarnings = (session.value?.warnings.length ?? 0) > 0;
  const isBusy = facts.cpuPercent >= BUSY_PERCENT;
  const runningMs = Math.max(0, nowMs.value - Date.parse(facts.started));
  const memory = words.ofTotal(byteSize(facts.memoryUsedBytes, language), byteSize(facts.memoryTotalBytes, language));
  return (
    <section>
      <p class="headline">{isBusy ? words.worksHard : hasWarnings ? words.lookAtThis : words.runsWell}</p>
      <p class="dim">{words.runningFor(longDuration(runningMs, language))}</p>
      <div class="card">
        <Line icon="chip" name={words.processor} value={`${number(facts.cpuPercent, 0, language)} %`} />
        <Line icon="memory" name={words.memory} value={memory} />
        <Line icon="info" name={words.version} value={`Perch ${facts.version}`} />
      </div>
    </section>
  );
}

function Storage({ facts }: { readonly facts: SystemFacts }) {
  const { words, language } = voice();
  return (
    <section>
      <h2>{words.storage}</h2>
      <div class="card">
        {distinctDisks(facts.disks).map(({ folder, totalBytes, freeBytes }) => (
          <div class="line tall" key={folder}>
            <Icon name="disk" />
            <span class="grow">
              <b>{words.roomLeft(percent(totalBytes > 0 ? freeBytes / totalBytes : 0, language))}</b>
              <span class="dim small">
                {words.freeOf(byteSize(freeBytes, language), byteSize(totalBytes, language))}
              </span>
              <meter min={0} max={totalBytes} value={totalBytes - freeBytes} aria-hidden="true" />
              <span class="dim small folder">
                <bdi>{folder}</bdi>
              </span>
            </span>
          </div>
        ))}
      </div>
    </section>
  );
}

function Account() {
  const { words } = voice();
  const [isBusy, setBusy] = useState(false);
  const now = session.value;
  return (
    <div class="card">
      <div class="line">
        <Icon name="globe" />
        <span class="grow">{words.languageLabel}</span>
        <LanguageChoice />
      </div>
      {now?.mayClaim && (
        <a class="line tall" href="#/start">
          <Icon name="person" />
          <span class="grow">
            <b>{words.startTitle}</b>
            <span class="dim small">{words.noOwnerText}</span>
          </span>
        </a>
      )}
      {now?.loggedIn && (
        <button
          class="line"
          type="button"
          disabled={isBusy}
          onClick={async () => {
            setBusy(true);
            await logOut().catch(() => {});
            setBusy(false);
          }}
        >
          <Icon name="leave" />
          <span class="grow">
            <b>{words.logOut}</b>
            <span class="dim small">{words.ownerIs(now.user ?? '')}</span>
          </span>
        </button>
      )}
    </div>
  );
}

const Line = ({ icon, name, value }: { readonly icon: IconName; readonly name: string; readonly value: string }) => (
  <div class="line">
    <Icon name={icon} />
    <span class="grow">{name}</span>
    <b class="digits">{value}</b>
  </div>
);

/** Undefined until the box has answered; what was seen last stays. */
function useSystemFacts(): SystemFacts | undefined {
  const [facts, setFacts] = useState<SystemFacts>();
  useEffect(() => {
    const stop = new AbortController();
    const look = () => {
      if (pageShown.peek()) {
        systemFacts(stop.signal).then(setFacts, () => {});
      }
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  return facts;
}
