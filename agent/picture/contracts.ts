/** Samples from a key sample on, as MP4 holds them. */
export interface CodedPicture {
  readonly codec: 'h264' | 'h265' | 'mjpeg';
  /** The configuration record of the sample entry: avcC, hvcC; empty for MJPEG. */
  readonly record: Uint8Array;
  readonly samples: readonly CodedSample[];
  /** The last picture up to this time is the result. In the unit of `CodedSample.time`. */
  readonly until: number;
}

interface CodedSample {
  readonly data: Uint8Array;
  /** Presentation time, from the key sample on. */
  readonly time: number;
}

interface Plane {
  readonly samples: Uint8Array | Uint16Array;
  /** Samples from one row to the next. */
  readonly stride: number;
}

/** A decoded picture. */
export interface Planes {
  readonly width: number;
  readonly height: number;
  /** 8 or 10. */
  readonly bits: number;
  /** Chroma has `width / 2 ** chromaX` by `height / 2 ** chromaY` samples. */
  readonly chromaX: number;
  readonly chromaY: number;
  readonly luma: Plane;
  /** Undefined if the picture is grey. */
  readonly chroma: readonly [Plane, Plane] | undefined;
  readonly isFullRange: boolean;
  /** MatrixCoefficients of ITU-T H.273. */
  readonly matrix: number;
  readonly isInterlaced: boolean;
  /** Sample aspect ratio: width divided by height. */
  readonly aspect: number;
  readonly time: number;
  readonly isDamaged: boolean;
}

/** A picture to make. The memory of its samples is transferred to the worker. */
export interface PictureTask {
  readonly coded: CodedPicture;
  /** Width of the JPEG in pixels, at most that of the picture, or undefined for that of the picture. */
  readonly width: number | undefined;
  /** 1 to 99; 85 if undefined. */
  readonly quality?: number;
}

export interface MadePicture {
  readonly jpeg: Uint8Array;
  /** Time of the picture, in the unit of `CodedSample.time`. */
  readonly time: number;
}

/** A part of a picture, in shares of it. */
export interface PicturePart {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** As `PictureTask`, for programs that look at pixels. */
export interface RgbTask {
  readonly coded: CodedPicture;
  /** Longest side of the result in pixels, at most that of the picture. */
  readonly side: number;
  /** What the result has to show; it shows more around it (`partAround`). Undefined: the whole picture. */
  readonly around?: PicturePart | undefined;
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each pixel, rows without padding. */
  readonly rgb: Uint8Array;
}

export interface RgbPicture extends Pixels {
  /** What of the decoded picture it shows. */
  readonly part: PicturePart;
  /** Time of the picture, in the unit of `CodedSample.time`. */
  readonly time: number;
}

/** Pixels to make a JPEG of. Their memory is transferred to the worker. */
interface EncodeTask {
  readonly pixels: Pixels;
}

export type WorkerTask = PictureTask | RgbTask | EncodeTask;
export type Made = MadePicture | RgbPicture | Pick<MadePicture, 'jpeg'>;
/** `reason`: why the picture cannot be decoded. */
export type FromWorker = Made | { readonly reason: string };
