import test from 'ava';
import {insecureCacheRegistries, readCacheFrom, readCacheTo} from '../../src/cli/cache-option.ts';

const context = {environment: {}, buildArgs: new Map<string, string>()};

const encoding = {
	mode: 'min', compression: 'gzip', forceCompression: false, mediaTypes: 'oci', isImageManifest: true, ignoresErrors: false,
} as const;

const takes = test.macro({
	exec(t, text: string, expected: unknown) {
		t.deepEqual(readCacheFrom([text], context), expected as ReturnType<typeof readCacheFrom>);
	},
	title: (_, text: string) => `--cache-from ${text}`,
});

test(takes, 'user/app:cache', [{type: 'registry', reference: 'user/app:cache', takesMounts: false}]);
test(takes, 'one,two', [{type: 'registry', reference: 'one', takesMounts: false}, {type: 'registry', reference: 'two', takesMounts: false}]);
test(takes, 'type=registry,ref=user/app:cache,mounts=true', [{type: 'registry', reference: 'user/app:cache', takesMounts: true}]);
test(takes, 'TYPE=local,src=dir', [{
	type: 'local', directory: 'dir', tag: 'latest', takesMounts: false,
}]);
test(takes, 'NO REFERENCE', [{type: 'registry', reference: 'NO REFERENCE', takesMounts: false}]);
test(takes, 'type=gha', []);
test(takes, 'type=nope', [{type: 'unknown', name: 'nope', takesMounts: false}]);

const writes = test.macro({
	exec(t, text: string, expected: unknown) {
		t.deepEqual(readCacheTo([text], context), expected as ReturnType<typeof readCacheTo>);
	},
	title: (_, text: string) => `--cache-to ${text}`,
});

test(writes, 'user/app:cache', [{type: 'registry', reference: 'user/app:cache', ...encoding}]);
test(writes, 'type=inline', [{type: 'inline'}]);
test(writes, 'type=registry,ref=a,mode=max,ignore-error=true', [{
	type: 'registry', reference: 'a', ...encoding, mode: 'max', ignoresErrors: true,
}]);
test(writes, 'type=registry,ref=a,mode=zip', [{type: 'registry', reference: 'a', ...encoding}]);
test(writes, 'type=registry,ref=a,oci-mediatypes=false', [{
	type: 'registry', reference: 'a', ...encoding, mediaTypes: 'docker', isImageManifest: false,
}]);
test(writes, 'type=registry,ref=a,compression=zstd,compression-level=3,force-compression=true', [{
	type: 'registry', reference: 'a', ...encoding, compression: 'zstd', level: 3, forceCompression: true,
}]);
test(writes, 'type=local,dest=dir,tag=t,reset=true,mounts=true,mounts-max-size=2m', [{
	type: 'local', directory: 'dir', tag: 't', isReset: true, ...encoding, mountsMaximumSize: 2 * 1024 * 1024,
}]);

test('the build argument for a cache in the image counts once', t => {
	const buildArgs = new Map([['BUILDKIT_INLINE_CACHE', '1']]);
	t.deepEqual(readCacheTo([], {...context, buildArgs}), [{type: 'inline'}]);
	t.deepEqual(readCacheTo(['type=inline'], {...context, buildArgs}), [{type: 'inline'}]);
	t.deepEqual(readCacheTo([], {...context, buildArgs: new Map([['BUILDKIT_INLINE_CACHE', '0']])}), []);
});

const refuses = test.macro({
	exec(t, text: string, message: string) {
		t.throws(() => readCacheTo([text], context), {message});
	},
	title: (_, text: string) => `--cache-to ${text} is refused`,
});

test(refuses, 'type=nope', 'failed to solve: unknown cache exporter: "nope"');
test(refuses, 'type=local', 'local cache exporter requires dest');
test(refuses, 'type=registry', 'failed to solve: missing ref');
test(refuses, 'type=registry,ref=UPPER', 'failed to solve: failed to parse image reference "UPPER": repository name must be lowercase');
test(refuses, 'mode=max,ref=a', 'type required form> "mode=max,ref=a"');
test(refuses, 'type=registry,bare', 'invalid value bare');
test(refuses, 'type=registry,ref=a,compression=lzma', 'failed to solve: unsupported compression type lzma');
test(refuses, 'type=registry,ref=a,ignore-error=maybe', 'failed to solve: non-bool value specified for ignore-error: strconv.ParseBool: parsing "maybe": invalid syntax');
test(refuses, 'type=registry,ref=a,oci-mediatypes=false,image-manifest=true', 'failed to solve: invalid configuration for remote cache: OCI mediatypes are required for image-manifest cache format');

test('registries that may be insecure are told', t => {
	t.deepEqual(insecureCacheRegistries(['type=registry,ref=host:5000/a,registry.insecure=true', 'type=registry,ref=other/a', 'type=local,src=x']), ['host:5000']);
});
