// A device plugin with four devices of lab.example/dev whose Allocate hangs while the file that is its argument exists.
package main

import (
	"context"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

type plugin struct{ api.UnimplementedDevicePluginServer }

func (plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

func (plugin) ListAndWatch(_ *api.Empty, s api.DevicePlugin_ListAndWatchServer) error {
	var devices []*api.Device
	for _, id := range []string{"a", "b", "c", "d"} {
		devices = append(devices, &api.Device{ID: id, Health: api.Healthy})
	}
	if err := s.Send(&api.ListAndWatchResponse{Devices: devices}); err != nil {
		return err
	}
	select {}
}

func (plugin) Allocate(_ context.Context, r *api.AllocateRequest) (*api.AllocateResponse, error) {
	if _, err := os.Stat(os.Args[1]); err == nil {
		select {}
	}
	answer := &api.AllocateResponse{}
	for range r.ContainerRequests {
		answer.ContainerResponses = append(answer.ContainerResponses, &api.ContainerAllocateResponse{})
	}
	return answer, nil
}

func main() {
	socket := api.DevicePluginPath + "lab.sock"
	os.Remove(socket)
	listener, err := net.Listen("unix", socket)
	must(err)
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, plugin{})
	go server.Serve(listener)
	time.Sleep(time.Second)
	kubelet, err := grpc.NewClient("unix://"+api.KubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	request := &api.RegisterRequest{Version: api.Version, Endpoint: "lab.sock", ResourceName: "lab.example/dev"}
	_, err = api.NewRegistrationClient(kubelet).Register(context.Background(), request)
	must(err)
	select {}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
