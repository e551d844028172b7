import { useState } from 'preact/hooks';
import type { BoxAnswer } from '../../../agent/features/boxes/routes.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { cameras } from '../../cameras/cameras.ts';
import { firstTarget } from '../../copying/import-data.ts';
import { ImportGroups } from '../../copying/import-groups.tsx';
import { limitsOf, NO_LIMITS } from '../../copying/limits.ts';
import { LimitsCard } from '../../copying/limits-card.tsx';
import { Look } from '../../copying/look.tsx';
import { TransferPage } from '../../copying/transfer-page.tsx';
import { Empty } from '../../live/notices.tsx';
import { settingsLink } from '../../shell/route.ts';
import { Row } from '../../ui/controls/row.tsx';
import { copyingWords } from '../../words/settings/copying.ts';
import { BOXES_ADDRESS, isThere, stateText } from './box-data.ts';
import { boxesWords } from './words.ts';

/** Settings, Storage, Import from another box: a paired one, which keeps its recordings. */
export function FetchPage() {
  const t = boxesWords.value;
  return (
    <TransferPage kind="fetch" title={copyingWords.value.importFromBox} text={t.importFromBoxText}>
      {(onStarted) => <Source onStarted={onStarted} />}
    </TransferPage>
  );
}

/** A box, then its cameras. */
function Source({ onStarted }: { readonly onStarted: () => void }) {
  const t = boxesWords.value;
  const { value } = usePolled<{ readonly items: readonly BoxAnswer[] }>(BOXES_ADDRESS, 'steady');
  const [box, setBox] = useState<BoxAnswer>();
  if (box) {
    return <OfBox key={box.id} box={box} onStarted={onStarted} onOther={() => setBox(undefined)} />;
  }
  if (!value) {
    return <div class="skeleton block" />;
  }
  return (
    <>
      <h3>{t.whichBox}</h3>
      {value.items.length === 0 && <p class="dim">{t.noBoxIsPaired}</p>}
      <div class="card source-disks">
        {value.items.map((item) => (
          <Row
            key={item.id}
            icon="network"
            title={item.name}
            text={stateText(item)}
            {...(!isThere(item) && { tone: 'bad' as const })}
            onClick={() => setBox(item)}
          />
        ))}
        <Row icon="plus" title={t.otherBoxes} text={t.pairAnotherBox} href={settingsLink('cameras', 'boxes')} />
      </div>
    </>
  );
}

interface OfBoxProps {
  readonly box: BoxAnswer;
  readonly onStarted: () => void;
  readonly onOther: () => void;
}

function OfBox({ box, onStarted, onOther }: OfBoxProps) {
  const t = boxesWords.value;
  const all = cameras.value ?? [];
  const [limits, setLimits] = useState(NO_LIMITS);
  const hereOf = (path: string) => box.cameras.find((camera) => camera.path === path)?.here ?? undefined;
  return (
    <Look
      from={box.name}
      body={{ box: box.id }}
      other={t.changeBox}
      onOther={onOther}
      nothing={<Empty title={t.boxHasNone} text={t.boxHasNoneText} />}
    >
      {(found) => (
        <ImportGroups
          found={found}
          cameras={all}
          firstTarget={(group) => {
            const here = hereOf(group.group);
            return all.some(({ name }) => name === here) && here !== undefined
              ? { to: 'camera', path: here }
              : firstTarget(group, '', all);
          }}
          requestOf={(items) => {
            const asked = limitsOf(limits);
            return asked && { kind: 'fetch', box: box.id, items, ...asked };
          }}
          limits={<LimitsCard value={limits} onChange={setLimits} />}
          onStarted={onStarted}
        />
      )}
    </Look>
  );
}
