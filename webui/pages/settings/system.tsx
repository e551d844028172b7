import { session } from '../../box/session.ts';
import type { SystemFacts } from '../../box/system.ts';
import { useSystemFacts } from '../../box/system-facts.ts';
import { nowMs } from '../../box/wake.ts';
import { Icon, type IconName } from '../../parts/icon.tsx';
import { voice } from '../../parts/voice.ts';
import { byteSize, longDuration, number } from '../../words/format.ts';
import { systemWords } from '../../words/system.ts';

/** Above this the box works hard: pictures may come late. */
const BUSY_PERCENT = 90;

/** One sentence: does it run well. Then what it is made of. */
export function SystemPage() {
  const facts = useSystemFacts();
  return facts ? <System facts={facts} /> : <div class="skeleton block" />;
}

function System({ facts }: { readonly facts: SystemFacts }) {
  const { language } = voice();
  const words = systemWords.value;
  const hasWarnings = (session.value?.warnings.length ?? 0) > 0;
  const isBusy = facts.cpuPercent >= BUSY_PERCENT;
  const runningMs = Math.max(0, nowMs.value - Date.parse(facts.started));
  const memory = words.ofTotal(byteSize(facts.memoryUsedBytes, language), byteSize(facts.memoryTotalBytes, language));
  return (
    <section>
      <h2 class="headline">{isBusy ? words.worksHard : hasWarnings ? words.lookAtThis : words.runsWell}</h2>
      <p class="dim">{words.runningFor(longDuration(runningMs, language))}</p>
      <div class="card">
        <Line icon="chip" name={words.processor} value={`${number(facts.cpuPercent, 0, language)} %`} />
        <Line icon="memory" name={words.memory} value={memory} />
        <Line icon="info" name={words.version} value={`Perch ${facts.version}`} />
      </div>
    </section>
  );
}

const Line = ({ icon, name, value }: { readonly icon: IconName; readonly name: string; readonly value: string }) => (
  <div class="line">
    <Icon name={icon} />
    <span class="grow">{name}</span>
    <b class="digits">{value}</b>
  </div>
);
