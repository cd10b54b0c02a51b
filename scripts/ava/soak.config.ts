import {countedRun} from './counted-run.ts';

export default countedRun(['test/soak/**/*.ts'], '10m');
