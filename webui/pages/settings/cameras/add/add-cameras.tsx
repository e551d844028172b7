import { useEffect, useRef } from 'preact/hooks';
import { adoptions, closeAdding } from '../../../../cameras/adding/adoption.ts';
import { closeRoute } from '../../../../shell/navigation.ts';
import { LIVE } from '../../../../shell/route.ts';
import { Icon } from '../../../../ui/icons/icon.tsx';
import { startWords } from '../../../../words/start.ts';
import { words } from '../../../../words/words.ts';
import { AddingStep } from './adding-step.tsx';
import { FindingStep } from './finding-step.tsx';

interface AddCamerasProps {
  /** The page to return to; `#/live` at the first start. */
  readonly backTo: string;
}

/** Finding cameras, then adding them. */
export function AddCameras({ backTo }: AddCamerasProps) {
  const isArriving = adoptions.value.length > 0;
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => closeAdding, []);
  useEffect(() => {
    window.scrollTo(0, 0);
    title.current?.focus();
  }, [isArriving]);
  const top =
    backTo === LIVE ? (
      <Steps now={isArriving ? 3 : 2} />
    ) : (
      <button class="round back" type="button" aria-label={words.value.back} onClick={() => closeRoute(backTo)}>
        <Icon name="back" />
      </button>
    );
  return isArriving ? (
    <AddingStep top={top} title={title} backTo={backTo} />
  ) : (
    <FindingStep top={top} title={title} isFirst={backTo === LIVE} />
  );
}

const ALL_STEPS = [1, 2, 3];

function Steps({ now }: { readonly now: number }) {
  return (
    <div class="steps" role="img" aria-label={startWords.value.step(now, ALL_STEPS.length)}>
      {ALL_STEPS.map((step) => (
        <i key={step} data-done={step <= now} />
      ))}
    </div>
  );
}
