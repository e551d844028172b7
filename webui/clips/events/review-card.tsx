import type { ReviewCard } from '../../api-client/recordings/reviews.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { eventIcon } from '../../cameras/event-kinds.ts';
import { recordingsLink } from '../../shell/route.ts';
import { LEAD_MS, play } from '../../timeline/view.ts';
import { Icon } from '../../ui/icons/icon.tsx';
import { clipWords } from '../../words/clips.ts';
import { clockSeconds, duration } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { RecordedThumbnail } from '../thumbnail.tsx';
import { StatusEventCaption } from './event-caption.tsx';
import { isStatusEvent } from './event-labels.ts';
import { addedTexts, cardText, cardTypes, playedCameras } from './review-text.ts';
import { isNewCard, markCardAsSeen } from './seen-events.ts';

interface ReviewProps {
  readonly card: ReviewCard;
  /** The camera whose cards are listed; undefined: all cameras. */
  readonly path: string | undefined;
  /** The zone that the list is filtered by. */
  readonly zone: string | undefined;
}

/** A card: film strip, what was seen where, since when and how long. */
export function Review({ card, path: chosen, zone }: ReviewProps) {
  const t = clipWords.value;
  const { language, words } = i18n();
  const { id, cameras, pictures, events, startMs, endMs } = card;
  const [first] = events;
  const isFresh = isNewCard(card);
  if (!first) {
    return null;
  }
  const isStatus = isStatusEvent(first);
  const title = cardText(card, { language, titleOf: cameraTitle, at: t.seenAt, also: t.seenAlso });
  const strip = pictures.length > 0 ? pictures : [{ path: first.path, ms: undefined }];
  const played = playedCameras(cameras, pictures);
  const opened = played.find(({ path }) => path === chosen) ?? played[0];
  const link = recordingsLink(opened?.path ?? first.path, {
    atMs: (opened?.startMs ?? startMs) - LEAD_MS,
    ...(played.length > 1 ? { card: id } : {}),
  });
  const open = () => {
    play();
    void markCardAsSeen(card);
  };
  return (
    <li class={isStatus ? 'status-event' : ''} data-pictures={strip.length} data-card={id}>
      <a href={link} onClick={open}>
        {isStatus ? (
          <StatusEventCaption event={first} title={cameraTitle(first.path)} />
        ) : (
          <>
            <span class="card-strip">
              {strip.map(({ path, ms }, i) => (
                <span key={`${path} ${ms}`}>
                  <RecordedThumbnail name={path} ms={ms} strip={id} place={i} />
                  {cameras.length > 1 && path !== strip[i - 1]?.path && (
                    <span class="strip-name" aria-hidden="true">
                      <bdi>{cameraTitle(path)}</bdi>
                    </span>
                  )}
                </span>
              ))}
            </span>
            <span class="event-caption">
              <b class="kinds">
                {cardTypes(card).map((type) => {
                  const icon = eventIcon(type);
                  return icon && <Icon key={type} name={icon} small />;
                })}
                <span>{title}</span>
              </b>
              <span class="moment dim digits">
                <span>{clockSeconds(startMs, language)}</span>
                <span>{endMs === undefined ? t.seenNow : duration(endMs - startMs, { language, words })}</span>
              </span>
              <span class="dim event-text">{addedTexts(card, { language, zone, inZones: t.seenZones })}</span>
            </span>
          </>
        )}
        {isFresh && <span class="new">{t.isNew}</span>}
      </a>
      {isFresh && (
        <button
          class="round"
          type="button"
          aria-label={t.markSeen(`${isStatus ? t.isAway : title}, ${clockSeconds(startMs, language)}`)}
          onClick={({ currentTarget }) => {
            // The button goes.
            currentTarget.closest('li')?.querySelector('a')?.focus({ preventScroll: true });
            void markCardAsSeen(card);
          }}
        >
          <Icon name="ok" />
        </button>
      )}
    </li>
  );
}
