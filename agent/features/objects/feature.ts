import { resolve } from 'node:path';
import type { Command, Feature } from '../contract.ts';
import { OBJECTS } from './keys.ts';
import { modelsOf } from './models.ts';
import { Objects } from './objects.ts';
import type { ModelSource } from './readiness.ts';
import { objectsRoutes, retryRoutes } from './routes.ts';

const command: Command = {
  name: 'objects',
  usage: ['FILE [--data DIR]', "take model and runtime out of a release's perch-objects_VERSION.tar.gz; -: stdin"],
  words: ['FILE'],
  run: async ({ words: [file = ''], cwd, dataDir, write }) => {
    const { takeModel } = await import('./model/model.ts');
    const { model } = await takeModel(dataDir, file === '-' ? file : resolve(cwd, file));
    write(`${model}\n`);
    return 0;
  },
};

interface ObjectsOptions {
  readonly models?: ModelSource;
  /** Memory of the box. */
  readonly memoryBytes?: number;
}

/** @param options for tests with models or a box of their own */
export const objectsFeature = ({ models, memoryBytes }: ObjectsOptions = {}): Feature => ({
  name: 'objects',
  keys: OBJECTS,
  commands: [command],
  open(host) {
    const objects = new Objects(host, models ?? modelsOf(host), memoryBytes);
    return {
      routes: [
        { listener: 'api', mount: async (app) => objectsRoutes(app, objects) },
        { listener: 'main', right: 'admin', mount: async (app) => retryRoutes(app, objects) },
      ],
      problems: () => objects.problems(),
      metrics: () => objects.metrics(),
      examines: (path) => objects.examines(path),
      begin: () => objects.begin(),
      applied: () => objects.apply(),
      close: () => objects.close(),
    };
  },
});

export const objects = objectsFeature();
