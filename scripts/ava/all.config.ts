import manifest from '../../package.json' with {type: 'json'};
import {countedRun} from './counted-run.ts';

export default countedRun(manifest.ava.files, manifest.ava.timeout);
