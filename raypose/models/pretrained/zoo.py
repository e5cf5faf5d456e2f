"""Where the weights lie that configurations of MMPose 0.x give by a name of mmcv's model zoo (mmcv 1.7.2)."""

from __future__ import annotations

CLASSIFICATION = "https://download.openmmlab.com/mmclassification/v0"
THIRD_PARTY = "https://download.openmmlab.com/pretrain/third_party"

PUBLISHED = {
    "mmcls://mobilenet_v2": f"{CLASSIFICATION}/mobilenet_v2/mobilenet_v2_batch256_imagenet_20200708-3b2dc3af.pth",
    "mmcls://resnest101": f"{CLASSIFICATION}/resnest/resnest101_imagenet_converted-032caa52.pth",
    "mmcls://resnest200": f"{CLASSIFICATION}/resnest/resnest200_imagenet_converted-581a60f2.pth",
    "mmcls://resnest269": f"{CLASSIFICATION}/resnest/resnest269_imagenet_converted-59930960.pth",
    "mmcls://resnest50": f"{CLASSIFICATION}/resnest/resnest50_imagenet_converted-1ebf0afe.pth",
    "mmcls://resnet101_v1d": f"{CLASSIFICATION}/resnet/resnetv1d101_b32x8_imagenet_20210531-6e13bcd3.pth",
    "mmcls://resnet152_v1d": f"{CLASSIFICATION}/resnet/resnetv1d152_b32x8_imagenet_20210531-278cf22a.pth",
    "mmcls://resnet50_v1d": f"{CLASSIFICATION}/resnet/resnetv1d50_b32x8_imagenet_20210531-db14775a.pth",
    "mmcls://resnext101_32x4d": f"{CLASSIFICATION}/resnext/resnext101_32x4d_b32x8_imagenet_20210506-e0fa3dd5.pth",
    "mmcls://resnext152_32x4d": f"{CLASSIFICATION}/resnext/resnext152_32x4d_b32x8_imagenet_20210524-927787be.pth",
    "mmcls://resnext50_32x4d": f"{CLASSIFICATION}/resnext/resnext50_32x4d_b32x8_imagenet_20210429-56066e27.pth",
    "mmcls://se-resnet101": f"{CLASSIFICATION}/se-resnet/se-resnet101_batch256_imagenet_20200804-ba5b51d4.pth",
    "mmcls://se-resnet50": f"{CLASSIFICATION}/se-resnet/se-resnet50_batch256_imagenet_20200804-ae206104.pth",
    "mmcls://shufflenet_v2": f"{CLASSIFICATION}/shufflenet_v2/shufflenet_v2_batch1024_imagenet_20200812-5bf4721e.pth",
    "mmcls://vgg16_bn": f"{CLASSIFICATION}/vgg/vgg16_bn_batch256_imagenet_20210208-7e55cd29.pth",
    "open-mmlab://msra/hrnetv2_w18": f"{THIRD_PARTY}/hrnetv2_w18-00eb2006.pth",
    "open-mmlab://msra/hrnetv2_w32": f"{THIRD_PARTY}/hrnetv2_w32-dc9eeb4f.pth",
    "open-mmlab://msra/hrnetv2_w48": f"{THIRD_PARTY}/hrnetv2_w48-d2186c55.pth",
}
