import type { StoreOffer } from '../playback/stores/contract.ts';
import type { RecordingCopies } from '../record/store/recording-copies.ts';

type Failed = (error: unknown) => void;

function attempt<T>(work: () => T, instead: T, failed: Failed): T {
  try {
    return work();
  } catch (error) {
    failed(error);
    return instead;
  }
}

export const safeStore = (store: StoreOffer, failed: Failed): StoreOffer => ({
  has: (path) => attempt(() => store.has(path), false, failed),
  names: () => attempt(() => store.names(), [], failed),
  open: () => store.open(),
});

/** While a feature fails, none of its copies is deleted, and no recording that waits for one. */
export const safeCopies = (copies: RecordingCopies, failed: Failed): RecordingCopies => ({
  get stored() {
    return attempt(() => copies.stored, undefined, failed);
  },
  get away() {
    return attempt(() => copies.away, 'the feature that makes copies has failed', failed);
  },
  isAwaited: (recording) => attempt(() => copies.isAwaited(recording), true, failed),
  deletedByHand: (...deleted) => attempt(() => copies.deletedByHand(...deleted), undefined, failed),
  mayAppear: (path) => attempt(() => copies.mayAppear(path), true, failed),
});
