import { useEffect, useState } from 'preact/hooks';
import type { BoxAnswer } from '../../../agent/features/boxes/routes.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { replaceRoute } from '../../shell/navigation.ts';
import { route, settingsLink } from '../../shell/route.ts';
import { Button } from '../../ui/controls/button.tsx';
import { LowerPageHeader } from '../../ui/controls/lower-page-header.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { Icon } from '../../ui/icons/icon.tsx';
import { SearchedCard } from '../../ui/lists/searched-list.tsx';
import { camerasWords } from '../../words/settings/cameras.ts';
import { AddBoxSheet } from './add-box-sheet.tsx';
import { BOXES_ADDRESS, clockText, isThere, linkedInvitation, mainCameras, stateText } from './box-data.ts';
import { BoxSheet } from './box-sheet.tsx';
import { boxesWords } from './words.ts';

/** Boxes whose cameras this server shows. */
export function BoxesPage() {
  const t = boxesWords.value;
  const { value, again } = usePolled<{ readonly items: readonly BoxAnswer[] }>(BOXES_ADDRESS, 'steady');
  const [added, setAdded] = useState<{ readonly invitation: string }>();
  const [shown, setShown] = useState<BoxAnswer>();
  const invitation = linkedInvitation(route.value);
  useEffect(() => {
    if (invitation !== undefined) {
      // Removes the invitation, which is secret, from the browser's history.
      replaceRoute(settingsLink('cameras', 'boxes'));
      setAdded({ invitation });
    }
  }, [invitation]);
  const boxes = value?.items ?? [];
  return (
    <section class="other-boxes add-below">
      <LowerPageHeader title={t.otherBoxes} href={settingsLink('cameras')} above={camerasWords.value.cameras} />
      <p class="dim">{t.otherBoxesHint}</p>
      {value && boxes.length === 0 && <p class="dim">{t.noBoxes}</p>}
      {boxes.length > 0 && (
        <SearchedCard items={boxes} textOf={({ name }) => name}>
          {(box) => (
            <Row
              key={box.id}
              icon="network"
              title={box.name}
              text={rowText(box)}
              {...((!isThere(box) || clockText(box) !== undefined) && { tone: 'bad' as const })}
              onClick={() => setShown(box)}
            />
          )}
        </SearchedCard>
      )}
      <Button onClick={() => setAdded({ invitation: '' })}>
        <Icon name="plus" small />
        {t.addBox}
      </Button>
      {added && <AddBoxSheet {...added} onChanged={again} onClosed={() => setAdded(undefined)} />}
      {shown && (
        <BoxSheet
          box={boxes.find(({ id }) => id === shown.id) ?? shown}
          onChanged={again}
          onClosed={() => setShown(undefined)}
        />
      )}
    </section>
  );
}

function rowText(box: BoxAnswer): string {
  const t = boxesWords.value;
  const cameras = mainCameras(box);
  const offered = cameras.filter(({ here }) => here === null).length;
  const counts = [t.boxShows(cameras.length - offered), ...(offered > 0 ? [t.boxOffersMore(offered)] : [])];
  return [stateText(box), clockText(box), ...counts].filter((text) => text !== undefined).join(' · ');
}
