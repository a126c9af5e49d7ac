//! What s3s leaves out of a listing: the objects' ETags, of which those of objects that were put
//! in one request are their MD5.

use std::fs;
use std::path::PathBuf;
use std::pin::Pin;

use md5::{Digest, Md5};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};
use s3s_fs::FileSystem;

/// A folder as S3, with ETags in its listings.
#[derive(Debug)]
pub(crate) struct ListedEtags {
    pub(crate) file_system: FileSystem,
    pub(crate) folder: PathBuf,
}

/// A method as `async_trait` has it.
type Answer<'a, T> = Pin<Box<dyn Future<Output = S3Result<S3Response<T>>> + Send + 'a>>;

macro_rules! pass_on {
    ($($operation:ident $input:ident -> $output:ident;)*) => {$(
        fn $operation<'life0, 'async_trait>(
            &'life0 self,
            request: S3Request<$input>,
        ) -> Answer<'async_trait, $output>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            self.file_system.$operation(request)
        }
    )*};
}

impl S3 for ListedEtags {
    pass_on! {
        abort_multipart_upload AbortMultipartUploadInput -> AbortMultipartUploadOutput;
        complete_multipart_upload CompleteMultipartUploadInput -> CompleteMultipartUploadOutput;
        copy_object CopyObjectInput -> CopyObjectOutput;
        create_bucket CreateBucketInput -> CreateBucketOutput;
        create_multipart_upload CreateMultipartUploadInput -> CreateMultipartUploadOutput;
        delete_bucket DeleteBucketInput -> DeleteBucketOutput;
        delete_object DeleteObjectInput -> DeleteObjectOutput;
        delete_objects DeleteObjectsInput -> DeleteObjectsOutput;
        get_bucket_location GetBucketLocationInput -> GetBucketLocationOutput;
        get_object GetObjectInput -> GetObjectOutput;
        head_bucket HeadBucketInput -> HeadBucketOutput;
        head_object HeadObjectInput -> HeadObjectOutput;
        list_buckets ListBucketsInput -> ListBucketsOutput;
        list_objects ListObjectsInput -> ListObjectsOutput;
        list_parts ListPartsInput -> ListPartsOutput;
        put_object PutObjectInput -> PutObjectOutput;
        upload_part UploadPartInput -> UploadPartOutput;
        upload_part_copy UploadPartCopyInput -> UploadPartCopyOutput;
    }

    fn list_objects_v2<'life0, 'async_trait>(
        &'life0 self,
        request: S3Request<ListObjectsV2Input>,
    ) -> Answer<'async_trait, ListObjectsV2Output>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let bucket = self.folder.join(&request.input.bucket);
            let mut listed = self.file_system.list_objects_v2(request).await?;
            for object in listed.output.contents.iter_mut().flatten() {
                let path = object.key.as_ref().map(|key| bucket.join(key));
                let content = path.and_then(|path| fs::read(path).ok());
                object.e_tag =
                    content.map(|content| ETag::Strong(hex::encode(Md5::digest(content))));
            }
            Ok(listed)
        })
    }
}
