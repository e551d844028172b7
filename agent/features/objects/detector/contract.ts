/** What a detector finds. Bicycles are kept apart from vehicles; they give no label. */
export type ObjectType = 'person' | 'vehicle' | 'animal' | 'bicycle';

export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  /** 3 bytes a pixel, rows without padding. */
  readonly rgb: Uint8Array;
}

export interface FoundObject {
  readonly type: ObjectType;
  /** 0 to 1. */
  readonly score: number;
  /** Left, top and size in fractions of the picture. */
  readonly box: ObjectBox;
}

interface ObjectBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface ExamineTask {
  readonly path: string;
  /** Start of the event, Unix microseconds. */
  readonly eventUs: number;
  /** Of the self-test: examined whatever the budget is. */
  readonly isTest?: boolean;
  /** Called when it is the turn of this task. @param othersWait pictures of other events wait for this one */
  picture(othersWait: boolean): Promise<RgbPicture>;
}

export interface Examined {
  /** The largest score first. */
  readonly objects: readonly FoundObject[];
  /** Time that the picture took: of the processor for a model of this box, of the clock for a server. */
  readonly ms: number;
}

export interface Detector {
  /** Longest side of a picture in pixels that it makes use of. May change with the first picture. */
  readonly inputSize: number;
  /** Bytes that its process holds, or undefined while none runs. */
  readonly memoryBytes: number | undefined;
  /**
   * Queued by budget: newest events first, fair between cameras.
   * @throws PerchError exhausted (budget or queue), timeout, unavailable, unsupported (the model)
   */
  examine(task: ExamineTask): Promise<Examined>;
  close(): Promise<void>;
}
