import { distinctDisks } from '../../box/system.ts';
import { useSystemFacts } from '../../box/system-facts.ts';
import { Icon } from '../../parts/icon.tsx';
import { voice } from '../../parts/voice.ts';
import { byteSize, percent } from '../../words/format.ts';
import { storageWords } from '../../words/storage.ts';

/** The disks and their room. */
export function StoragePage() {
  const { language } = voice();
  const words = storageWords.value;
  const facts = useSystemFacts();
  return (
    <section>
      <h2 class="title">{words.storage}</h2>
      <div class="card">
        {distinctDisks(facts?.disks ?? []).map(({ folder, totalBytes, freeBytes }) => (
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
